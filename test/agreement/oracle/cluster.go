package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sort"

	v1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/client-go/informers"
	clientset "k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/feature"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/volumebinding"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/volumezone"
)

// list is a v1.List of ordinary manifests.
type list struct {
	Items []json.RawMessage `json:"items"`
}

// cluster is a set of objects and the two plugins that see it.
type cluster struct {
	pods    []*v1.Pod
	nodes   []fwk.NodeInfo
	plugins []plugin
	claims  corelisters.PersistentVolumeClaimLister
	// Points at what the plugins' informers ask for each list of volumes.
	order *volumeOrder
}

// handle is all of the framework that the two plugins use. Anything else would be a nil pointer.
type handle struct {
	fwk.Handle
	factory informers.SharedInformerFactory
	client  clientset.Interface
}

func (h handle) SharedInformerFactory() informers.SharedInformerFactory { return h.factory }
func (h handle) ClientSet() clientset.Interface                         { return h.client }

// newCluster fills the stores of informers that never run: nothing is watched, nothing has to sync.
func newCluster(ctx context.Context, manifests []byte) (*cluster, error) {
	order := volumeOrder(bySize)
	client := fake.NewClientset()
	factory := orderedFactory{informers.NewSharedInformerFactory(client, 0), &order}
	result := &cluster{order: &order, claims: factory.Core().V1().PersistentVolumeClaims().Lister()}

	// Before the objects: VolumeBinding adds an index, which a filled store would not take.
	if err := result.startPlugins(ctx, handle{factory: factory, client: client}); err != nil {
		return nil, err
	}
	var objects list
	if err := json.Unmarshal(manifests, &objects); err != nil {
		return nil, err
	}
	for _, raw := range objects.Items {
		if err := result.add(factory, raw); err != nil {
			return nil, err
		}
	}
	sort.Slice(result.nodes, func(i, j int) bool { return result.nodes[i].Node().Name < result.nodes[j].Node().Name })
	return result, nil
}

func (c *cluster) startPlugins(ctx context.Context, handle handle) error {
	features := feature.NewSchedulerFeaturesFromGates(utilfeature.DefaultFeatureGate)
	args := &config.VolumeBindingArgs{
		BindTimeoutSeconds: 600,
		Shape:              []config.UtilizationShapePoint{{Utilization: 0, Score: 10}, {Utilization: 100, Score: 0}},
	}
	binding, err := volumebinding.New(ctx, args, handle, features)
	if err != nil {
		return err
	}
	zone, err := volumezone.New(ctx, nil, handle, features)
	if err != nil {
		return err
	}
	c.plugins = []plugin{binding.(plugin), zone.(plugin)}
	return nil
}

func (c *cluster) add(factory informers.SharedInformerFactory, raw []byte) error {
	var kind struct {
		Kind string `json:"kind"`
	}
	if err := json.Unmarshal(raw, &kind); err != nil {
		return err
	}
	core, storage := factory.Core().V1(), factory.Storage().V1()
	switch kind.Kind {
	case "Pod":
		pod := &v1.Pod{}
		c.pods = append(c.pods, pod)
		return json.Unmarshal(raw, pod)
	case "Node":
		node := &v1.Node{}
		if err := json.Unmarshal(raw, node); err != nil {
			return err
		}
		info := framework.NewNodeInfo()
		info.SetNode(node)
		c.nodes = append(c.nodes, info)
		return nil
	case "PersistentVolumeClaim":
		return store(core.PersistentVolumeClaims().Informer(), raw, &v1.PersistentVolumeClaim{})
	case "PersistentVolume":
		return store(core.PersistentVolumes().Informer(), raw, &v1.PersistentVolume{})
	case "StorageClass":
		return store(storage.StorageClasses().Informer(), raw, &storagev1.StorageClass{})
	case "CSINode":
		return store(storage.CSINodes().Informer(), raw, &storagev1.CSINode{})
	case "CSIDriver":
		return store(storage.CSIDrivers().Informer(), raw, &storagev1.CSIDriver{})
	case "CSIStorageCapacity":
		return store(storage.CSIStorageCapacities().Informer(), raw, &storagev1.CSIStorageCapacity{})
	case "VolumeSnapshot", "VolumeSnapshotContent", "VolumeSnapshotClass", "ReferenceGrant":
		return nil
	default:
		return fmt.Errorf("kind %q is none that a scheduler looks at", kind.Kind)
	}
}

func store(informer cache.SharedIndexInformer, raw []byte, object any) error {
	if err := json.Unmarshal(raw, object); err != nil {
		return fmt.Errorf("%w in %s", err, raw)
	}
	return informer.GetIndexer().Add(object)
}

// judgements gives the verdict on each pod, by namespace/name.
func (c *cluster) judgements(ctx context.Context) map[string]PodJudgement {
	results := make(map[string]PodJudgement, len(c.pods))
	for _, pod := range c.pods {
		*c.order = bySize
		result := judge(ctx, c.plugins, pod, c.nodes)
		result.BoundOnly = c.boundOnly(ctx, pod, result)
		result.Ambiguous = c.ambiguous(ctx, pod, result)
		results[pod.Namespace+"/"+pod.Name] = result
	}
	return results
}

// boundOnly gives what is found of the pod's bound claims where an error because of the others hides it.
func (c *cluster) boundOnly(ctx context.Context, pod *v1.Pod, result PodJudgement) map[string]map[string]*Verdict {
	hidden := map[string]map[string]*Verdict{}
	var bound *PodJudgement
	for _, node := range c.nodes {
		name := node.Node().Name
		if !result.failsOn(name) {
			continue
		}
		if bound == nil {
			judgement := judge(ctx, c.plugins, c.withoutWaiting(pod), c.nodes)
			bound = &judgement
		}
		if verdict := bound.Filter[name]; verdict != nil {
			hidden[name] = verdict
		}
	}
	return hidden
}

// withoutWaiting gives the pod without those of its volumes whose claims wait for a node.
func (c *cluster) withoutWaiting(pod *v1.Pod) *v1.Pod {
	left := pod.DeepCopy()
	left.Spec.Volumes = slices.DeleteFunc(left.Spec.Volumes, func(volume v1.Volume) bool {
		name := pod.Name + "-" + volume.Name
		if volume.PersistentVolumeClaim != nil {
			name = volume.PersistentVolumeClaim.ClaimName
		}
		claim, err := c.claims.PersistentVolumeClaims(pod.Namespace).Get(name)
		return err == nil && claim.Spec.VolumeName == ""
	})
	return left
}

// ambiguous gives the nodes on which the pod passes in one order of the volumes and does not in another.
func (c *cluster) ambiguous(ctx context.Context, pod *v1.Pod, result PodJudgement) []string {
	// PreFilter never looks at more than one volume.
	if len(result.PreFilter) > 0 {
		return nil
	}
	orders := []volumeOrder{bySizeReversed}
	if claims(pod) > 1 {
		orders = append(orders, shuffled(1), shuffled(2))
	}
	differing := sets.New[string]()
	for _, order := range orders {
		*c.order = order
		other := judge(ctx, c.plugins, pod, c.nodes)
		for _, node := range c.nodes {
			if name := node.Node().Name; other.passes(name) != result.passes(name) {
				differing.Insert(name)
			}
		}
	}
	return sets.List(differing)
}

func claims(pod *v1.Pod) (count int) {
	for _, volume := range pod.Spec.Volumes {
		if volume.PersistentVolumeClaim != nil || volume.Ephemeral != nil {
			count++
		}
	}
	return count
}
