package main

import (
	"math/rand/v2"
	"slices"
	"sort"

	v1 "k8s.io/api/core/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/informers/core"
	corev1 "k8s.io/client-go/informers/core/v1"
	"k8s.io/client-go/tools/cache"
)

// Of several volumes that fit equally well kube-scheduler takes the one it sees first, and it sees them in the order
// of a Go map. Here that order is ours to choose: the types below hand out the same informers as the factory they
// wrap, but for the volumes of a class, which come in the order of the moment.

// volumeOrder puts the volumes of a class in order.
type volumeOrder func(volumes []any)

// bySize is the order in which topobind's own rule for ties (the smallest, then the first by name) and "the first
// seen" come to the same.
func bySize(volumes []any) {
	sort.Slice(volumes, func(i, j int) bool {
		a, b := volumes[i].(*v1.PersistentVolume), volumes[j].(*v1.PersistentVolume)
		sizeA, sizeB := a.Spec.Capacity[v1.ResourceStorage], b.Spec.Capacity[v1.ResourceStorage]
		if difference := sizeA.Cmp(sizeB); difference != 0 {
			return difference < 0
		}
		return a.Name < b.Name
	})
}

func bySizeReversed(volumes []any) {
	bySize(volumes)
	slices.Reverse(volumes)
}

// shuffled is any order, the same for the same seed.
func shuffled(seed uint64) volumeOrder {
	random := rand.New(rand.NewPCG(seed, seed))
	return func(volumes []any) {
		bySize(volumes)
		random.Shuffle(len(volumes), func(i, j int) { volumes[i], volumes[j] = volumes[j], volumes[i] })
	}
}

type orderedFactory struct {
	informers.SharedInformerFactory
	order *volumeOrder
}

func (f orderedFactory) Core() core.Interface {
	return orderedCore{f.SharedInformerFactory.Core(), f.order}
}

type orderedCore struct {
	core.Interface
	order *volumeOrder
}

func (c orderedCore) V1() corev1.Interface {
	return orderedV1{c.Interface.V1(), c.order}
}

type orderedV1 struct {
	corev1.Interface
	order *volumeOrder
}

func (v orderedV1) PersistentVolumes() corev1.TypedPersistentVolumeInformer {
	return orderedVolumes{v.Interface.PersistentVolumes(), v.order}
}

type orderedVolumes struct {
	corev1.TypedPersistentVolumeInformer
	order *volumeOrder
}

func (v orderedVolumes) Informer() cache.SharedIndexInformer {
	return orderedInformer{v.TypedPersistentVolumeInformer.Informer(), v.order}
}

type orderedInformer struct {
	cache.SharedIndexInformer
	order *volumeOrder
}

func (i orderedInformer) GetIndexer() cache.Indexer {
	return orderedIndexer{i.SharedIndexInformer.GetIndexer(), i.order}
}

type orderedIndexer struct {
	cache.Indexer
	order *volumeOrder
}

func (i orderedIndexer) ByIndex(index, value string) ([]any, error) {
	volumes, err := i.Indexer.ByIndex(index, value)
	(*i.order)(volumes)
	return volumes, err
}
