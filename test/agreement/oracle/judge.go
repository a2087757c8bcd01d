package main

import (
	"context"
	"fmt"

	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework"
)

// Verdict is what one plugin says, where it does not let pass.
type Verdict struct {
	Reasons []string `json:"reasons,omitempty"`
	Error   string   `json:"error,omitempty"`
}

func verdictOf(status *fwk.Status) *Verdict {
	switch {
	case status.IsSuccess() || status.IsSkip():
		return nil
	case status.Code() == fwk.Error:
		return &Verdict{Error: status.Message()}
	default:
		return &Verdict{Reasons: status.Reasons()}
	}
}

// PodJudgement is the verdict of both plugins on one pod.
type PodJudgement struct {
	// By plugin, as everything below; what is not there lets the pod pass.
	PreFilter map[string]*Verdict `json:"preFilter,omitempty"`
	// By node. A plugin whose PreFilter refused or failed is not asked about nodes.
	Filter map[string]map[string]*Verdict `json:"filter,omitempty"`
	// As Filter, of the pod without its claims that wait; on nodes where these bring about an error.
	BoundOnly map[string]map[string]*Verdict `json:"boundOnly,omitempty"`
	// Nodes that pass or do not, depending on the order in which equal volumes are seen.
	Ambiguous []string `json:"ambiguous,omitempty"`
}

type plugin interface {
	fwk.PreFilterPlugin
	fwk.FilterPlugin
}

// judge runs PreFilter and Filter of both plugins as the scheduling framework does, with one difference: a refusal
// stops nothing, so that all reasons are told.
func judge(ctx context.Context, plugins []plugin, pod *v1.Pod, nodes []fwk.NodeInfo) (judgement PodJudgement) {
	// A panic must name the pod.
	defer func() {
		if problem := recover(); problem != nil {
			panic(fmt.Sprintf("pod %s/%s: %v", pod.Namespace, pod.Name, problem))
		}
	}()
	judgement.PreFilter = map[string]*Verdict{}
	judgement.Filter = map[string]map[string]*Verdict{}
	for _, plugin := range plugins {
		state := framework.NewCycleState()
		_, status := plugin.PreFilter(ctx, state, pod, nodes)
		if verdict := verdictOf(status); verdict != nil {
			judgement.PreFilter[plugin.Name()] = verdict
			continue
		}
		if status.IsSkip() {
			continue
		}
		for _, node := range nodes {
			verdict := verdictOf(plugin.Filter(ctx, state, pod, node))
			if verdict == nil {
				continue
			}
			name := node.Node().Name
			if judgement.Filter[name] == nil {
				judgement.Filter[name] = map[string]*Verdict{}
			}
			judgement.Filter[name][plugin.Name()] = verdict
		}
	}
	return judgement
}

func (j PodJudgement) failsOn(node string) bool {
	for _, verdict := range j.Filter[node] {
		if verdict.Error != "" {
			return true
		}
	}
	return false
}

func (j PodJudgement) passes(node string) bool {
	return len(j.PreFilter) == 0 && len(j.Filter[node]) == 0
}
