# topobind in an image that holds Node, the libraries Node is linked to, topobind, and nothing else: no shell, no package
# manager. It runs as a user without rights and writes no file, so the root file system may be read-only.

FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
# The optional packages carry Node itself for checkouts; the image has one already.
RUN npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund \
	&& find node_modules -type f \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' \) -delete
COPY LICENSE ./
COPY src ./src
COPY manifests/examples ./manifests/examples

# What the last stage is made of. ldd lists the shared libraries, the loader among them; cp -L keeps their paths.
RUN mkdir -p /rootfs/usr/local/bin /rootfs/etc \
	&& cp /usr/local/bin/node /rootfs/usr/local/bin/node \
	&& ldd /usr/local/bin/node | grep -o '/[^ ]*' | sort -u | xargs cp -L --parents -t /rootfs \
	&& echo 'nonroot:x:65532:65532:nonroot:/app:/sbin/nologin' > /rootfs/etc/passwd \
	&& echo 'nonroot:x:65532:' > /rootfs/etc/group \
	&& cp -r /app /rootfs/app

FROM scratch
COPY --from=build /rootfs /
ENV NODE_ENV=production
WORKDIR /app
USER 65532:65532
# The extender and the admin listener; both are on loopback unless configured otherwise.
EXPOSE 8888 8889
ENTRYPOINT ["/usr/local/bin/node", "/app/src/main.ts"]
CMD ["serve"]
