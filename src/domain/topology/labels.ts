/** What Kubernetes accepts as label keys and values: k8s.io/apimachinery/pkg/util/validation/validation.go. */

/** Label or annotation map as Kubernetes stores it. */
export type Labels = Readonly<Record<string, string>>;

const NAME = /^(?:[A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const SUBDOMAIN = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/;

/** As IsQualifiedName: an optional DNS prefix of at most 253 characters, then a name of at most 63. */
export function isLabelKey(key: string): boolean {
	const slash = key.indexOf('/');
	const name = key.slice(slash + 1);
	if (name.length > 63 || !NAME.test(name)) return false;
	if (slash === -1) return true;
	const prefix = key.slice(0, slash);
	return prefix.length <= 253 && SUBDOMAIN.test(prefix);
}

/** As IsValidLabelValue: empty, or a name of at most 63 characters. */
export function isLabelValue(value: string): boolean {
	return value === '' || (value.length <= 63 && NAME.test(value));
}

const INTEGER = /^[+-]?\d+$/;
const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;

/** As strconv.ParseInt(text, 10, 64): undefined where that fails. */
export function parseInt64(text: string): bigint | undefined {
	if (!INTEGER.test(text)) return undefined;
	const value = BigInt(text.startsWith('+') ? text.slice(1) : text);
	return value < INT64_MIN || value > INT64_MAX ? undefined : value;
}
