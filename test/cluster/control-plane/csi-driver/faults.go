package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Tests steer a running driver through files in its data folder:
//
//	fault-create          every CreateVolume fails
//	fault-create.<node>   CreateVolume on that node fails
//	hold-snapshots        snapshots are not ready to use while this file exists
//
// A fault file holds the name of a gRPC code, then, optionally, a message.

func (o options) injectedFault() error {
	for _, name := range []string{"fault-create." + o.nodeID, "fault-create"} {
		bytes, err := os.ReadFile(filepath.Join(o.dataDir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		word, message, _ := strings.Cut(strings.TrimSpace(string(bytes)), " ")
		if message == "" {
			message = "fault injected by " + name
		}
		return status.Error(codeNamed(word), message)
	}
	return nil
}

// codeNamed knows "ResourceExhausted" as well as "RESOURCE_EXHAUSTED".
func codeNamed(word string) codes.Code {
	for code := codes.Canceled; code <= codes.Unauthenticated; code++ {
		if strings.EqualFold(code.String(), strings.ReplaceAll(word, "_", "")) {
			return code
		}
	}
	return codes.Unknown
}

func (o options) snapshotsHeld() bool {
	_, err := os.Stat(filepath.Join(o.dataDir, "hold-snapshots"))
	return err == nil
}

// wait ends early, with the call's own error, when the caller gives up.
func wait(ctx context.Context, delay time.Duration) error {
	if delay <= 0 {
		return nil
	}
	select {
	case <-time.After(delay):
		return nil
	case <-ctx.Done():
		return status.FromContextError(ctx.Err()).Err()
	}
}
