// Command oracle says what kube-scheduler's VolumeBinding and VolumeZone say of the pods of a cluster.
//
// Each line of its input is a v1.List of manifests, as JSON; each line of its output is the verdict on the pods of
// that list by namespace/name, or {"problem": "…"} where the list cannot be read.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"os"
	"runtime/debug"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"
)

type answer struct {
	Pods    map[string]PodJudgement `json:"pods,omitempty"`
	Problem string                  `json:"problem,omitempty"`
}

func main() {
	// Garbage is cheap here, collecting it is not.
	debug.SetGCPercent(400)
	// The plugins log what they make of bad selectors; the verdict says it already.
	klog.SetLogger(logr.Discard())
	ctx := klog.NewContext(context.Background(), logr.Discard())

	input := bufio.NewReaderSize(os.Stdin, 1<<20)
	output := json.NewEncoder(os.Stdout)
	for {
		line, err := input.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			log.Fatal(err)
		}
		if err := output.Encode(answerTo(ctx, line)); err != nil {
			log.Fatal(err)
		}
	}
}

func answerTo(ctx context.Context, manifests []byte) answer {
	cluster, err := newCluster(ctx, manifests)
	if err != nil {
		return answer{Problem: err.Error()}
	}
	return answer{Pods: cluster.judgements(ctx)}
}
