package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"
)

// item is a volume or a snapshot: a folder with its data and this description.
type item struct {
	ID      string    `json:"id"`
	Size    int64     `json:"size"`
	Created time.Time `json:"created"`
	// What it was made from: a snapshot always has a volume; a volume may have either.
	SourceVolume   string `json:"sourceVolume,omitempty"`
	SourceSnapshot string `json:"sourceSnapshot,omitempty"`
}

type kind string

const (
	volumes   kind = "volumes"
	snapshots kind = "snapshots"
)

// store keeps everything on disk and nothing in memory: the drivers of several
// nodes may share one pool, and each must see what the others did.
type store struct{ dir string }

func openStore(dir string) (*store, error) {
	for _, sub := range []string{string(volumes), string(snapshots), "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return nil, err
		}
	}
	return &store{dir: dir}, nil
}

// idFor derives an id from a name, so that a repeated request finds the first one's result.
func (s *store) idFor(name string) string {
	return filepath.Base(s.dir) + "-" + url.PathEscape(name)
}

// owns rejects ids that this pool never gave out: they must not be used as paths.
func (s *store) owns(id string) bool {
	return strings.HasPrefix(id, filepath.Base(s.dir)+"-") && id == filepath.Base(id)
}

func (s *store) path(k kind, id string) string { return filepath.Join(s.dir, string(k), id) }

// dataPath is the folder that a pod would see.
func (s *store) dataPath(k kind, id string) string { return filepath.Join(s.path(k, id), "data") }

// get returns nil when this pool has no such item.
func (s *store) get(k kind, id string) (*item, error) {
	if !s.owns(id) {
		return nil, nil
	}
	bytes, err := os.ReadFile(filepath.Join(s.path(k, id), "item.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var it item
	return &it, json.Unmarshal(bytes, &it)
}

// list returns all items of a kind in the order of their ids.
func (s *store) list(k kind) ([]item, error) {
	entries, err := os.ReadDir(filepath.Join(s.dir, string(k)))
	if err != nil {
		return nil, err
	}
	var items []item
	for _, entry := range entries {
		it, err := s.get(k, entry.Name())
		if err != nil {
			return nil, err
		}
		if it != nil { // nil: deleted since ReadDir
			items = append(items, *it)
		}
	}
	sort.Slice(items, func(i, j int) bool { return items[i].ID < items[j].ID })
	return items, nil
}

// create makes an item whose data is a copy of the folder copyFrom, if given.
// The folder is prepared aside and renamed, so nobody sees half an item.
func (s *store) create(k kind, it item, copyFrom string) error {
	tmp, err := os.MkdirTemp(filepath.Join(s.dir, "tmp"), "new-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	data := filepath.Join(tmp, "data")
	if copyFrom != "" {
		err = os.CopyFS(data, os.DirFS(copyFrom))
	} else {
		err = os.Mkdir(data, 0o755)
	}
	if err != nil {
		return err
	}
	bytes, err := json.Marshal(it)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(tmp, "item.json"), bytes, 0o644); err != nil {
		return err
	}
	return os.Rename(tmp, s.path(k, it.ID))
}

func (s *store) remove(k kind, id string) error {
	if !s.owns(id) {
		return nil // deleting what does not exist succeeds
	}
	return os.RemoveAll(s.path(k, id))
}

// used adds up the sizes of all volumes.
func (s *store) used() (int64, error) {
	items, err := s.list(volumes)
	var total int64
	for _, it := range items {
		total += it.Size
	}
	return total, err
}
