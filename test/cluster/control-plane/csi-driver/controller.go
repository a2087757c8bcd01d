package main

import (
	"context"
	"sync"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"
)

const defaultSize = 1 << 30

type controller struct {
	csi.UnimplementedControllerServer
	options
	store *store

	mu   sync.Mutex
	busy map[string]bool // ids that a call is working on right now
}

// claim marks an id as being worked on. CSI wants Aborted for a second call
// about the same volume while the first one runs.
func (c *controller) claim(id string) (release func(), err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.busy[id] {
		return nil, status.Errorf(codes.Aborted, "another call for %s is running", id)
	}
	c.busy[id] = true
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.busy, id)
	}, nil
}

func (c *controller) ControllerGetCapabilities(context.Context, *csi.ControllerGetCapabilitiesRequest) (*csi.ControllerGetCapabilitiesResponse, error) {
	reply := &csi.ControllerGetCapabilitiesResponse{}
	for _, kind := range []csi.ControllerServiceCapability_RPC_Type{
		csi.ControllerServiceCapability_RPC_CREATE_DELETE_VOLUME,
		csi.ControllerServiceCapability_RPC_CREATE_DELETE_SNAPSHOT,
		csi.ControllerServiceCapability_RPC_CLONE_VOLUME,
		csi.ControllerServiceCapability_RPC_LIST_VOLUMES,
		csi.ControllerServiceCapability_RPC_LIST_SNAPSHOTS,
		csi.ControllerServiceCapability_RPC_GET_CAPACITY,
		// Claims that are ReadWriteOncePod are refused without it. The node
		// service does not have it: no kubelet ever asks there.
		csi.ControllerServiceCapability_RPC_SINGLE_NODE_MULTI_WRITER,
	} {
		reply.Capabilities = append(reply.Capabilities, &csi.ControllerServiceCapability{
			Type: &csi.ControllerServiceCapability_Rpc{Rpc: &csi.ControllerServiceCapability_RPC{Type: kind}},
		})
	}
	return reply, nil
}

func (c *controller) CreateVolume(ctx context.Context, req *csi.CreateVolumeRequest) (*csi.CreateVolumeResponse, error) {
	if req.GetName() == "" {
		return nil, status.Error(codes.InvalidArgument, "name is missing")
	}
	if len(req.GetVolumeCapabilities()) == 0 {
		return nil, status.Error(codes.InvalidArgument, "volume capabilities are missing")
	}
	id := c.store.idFor(req.GetName())
	release, err := c.claim(id)
	if err != nil {
		return nil, err
	}
	defer release()

	if err := c.injectedFault(); err != nil {
		return nil, err
	}
	if err := wait(ctx, c.createDelay); err != nil {
		return nil, err
	}
	volume := item{
		ID:             id,
		Created:        time.Now(),
		SourceSnapshot: req.GetVolumeContentSource().GetSnapshot().GetSnapshotId(),
		SourceVolume:   req.GetVolumeContentSource().GetVolume().GetVolumeId(),
	}
	required, limit := req.GetCapacityRange().GetRequiredBytes(), req.GetCapacityRange().GetLimitBytes()

	if existing, err := c.store.get(volumes, id); err != nil {
		return nil, err
	} else if existing != nil {
		tooSmall, tooLarge := existing.Size < required, limit > 0 && existing.Size > limit
		if tooSmall || tooLarge || existing.SourceSnapshot != volume.SourceSnapshot || existing.SourceVolume != volume.SourceVolume {
			return nil, status.Errorf(codes.AlreadyExists, "volume %s exists with another size or source", id)
		}
		return c.created(*existing), nil
	}

	copyFrom, sourceSize, err := c.source(volume)
	if err != nil {
		return nil, err
	}
	if volume.Size, err = chooseSize(required, limit, sourceSize); err != nil {
		return nil, err
	}
	if !c.accessible(req.GetAccessibilityRequirements()) {
		return nil, status.Errorf(codes.ResourceExhausted, "node %s is in none of the requisite topologies", c.nodeID)
	}
	// Two processes that share a pool may both see the last free byte. The
	// tests that set --capacity use one process a pool.
	used, err := c.store.used()
	if err != nil {
		return nil, err
	}
	if volume.Size > c.capacity-used {
		return nil, status.Errorf(codes.ResourceExhausted, "%d bytes wanted, %d free", volume.Size, c.capacity-used)
	}
	if err := c.store.create(volumes, volume, copyFrom); err != nil {
		return nil, err
	}
	return c.created(volume), nil
}

// source finds the folder that a new volume starts as a copy of. Here islands
// show: what another pool holds is NotFound.
func (c *controller) source(volume item) (copyFrom string, size int64, err error) {
	k, id, word := volumes, volume.SourceVolume, "volume"
	if volume.SourceSnapshot != "" {
		k, id, word = snapshots, volume.SourceSnapshot, "snapshot"
	}
	if id == "" {
		return "", 0, nil
	}
	found, err := c.store.get(k, id)
	if err != nil {
		return "", 0, err
	}
	if found == nil {
		return "", 0, status.Errorf(codes.NotFound, "%s %s cannot be reached from node %s", word, id, c.nodeID)
	}
	return c.store.dataPath(k, id), found.Size, nil
}

func chooseSize(required, limit, source int64) (int64, error) {
	size := required
	switch {
	case required > 0:
	case source > 0:
		size = source
	case limit > 0 && limit < defaultSize:
		size = limit
	default:
		size = defaultSize
	}
	if size < source || (limit > 0 && size > limit) {
		return 0, status.Errorf(codes.OutOfRange, "no size fits: required %d, limit %d, source %d", required, limit, source)
	}
	return size, nil
}

// accessible tells whether this node's segment is among the requisite ones.
func (c *controller) accessible(req *csi.TopologyRequirement) bool {
	if len(req.GetRequisite()) == 0 {
		return true
	}
	for _, topology := range req.GetRequisite() {
		if c.matches(topology.GetSegments()) {
			return true
		}
	}
	return false
}

// matches compares this node's keys only: an external-provisioner without
// strict topology may add keys of others.
func (c *controller) matches(segments map[string]string) bool {
	for key, value := range c.topology {
		if segments[key] != value {
			return false
		}
	}
	return true
}

func (c *controller) created(volume item) *csi.CreateVolumeResponse {
	return &csi.CreateVolumeResponse{Volume: c.describe(volume)}
}

func (c *controller) describe(volume item) *csi.Volume {
	v := &csi.Volume{
		VolumeId:           volume.ID,
		CapacityBytes:      volume.Size,
		AccessibleTopology: []*csi.Topology{{Segments: c.topology}},
	}
	if volume.SourceSnapshot != "" {
		v.ContentSource = &csi.VolumeContentSource{Type: &csi.VolumeContentSource_Snapshot{
			Snapshot: &csi.VolumeContentSource_SnapshotSource{SnapshotId: volume.SourceSnapshot},
		}}
	} else if volume.SourceVolume != "" {
		v.ContentSource = &csi.VolumeContentSource{Type: &csi.VolumeContentSource_Volume{
			Volume: &csi.VolumeContentSource_VolumeSource{VolumeId: volume.SourceVolume},
		}}
	}
	return v
}

func (c *controller) DeleteVolume(_ context.Context, req *csi.DeleteVolumeRequest) (*csi.DeleteVolumeResponse, error) {
	if req.GetVolumeId() == "" {
		return nil, status.Error(codes.InvalidArgument, "volume id is missing")
	}
	release, err := c.claim(req.GetVolumeId())
	if err != nil {
		return nil, err
	}
	defer release()
	return &csi.DeleteVolumeResponse{}, c.store.remove(volumes, req.GetVolumeId())
}

func (c *controller) ValidateVolumeCapabilities(_ context.Context, req *csi.ValidateVolumeCapabilitiesRequest) (*csi.ValidateVolumeCapabilitiesResponse, error) {
	if req.GetVolumeId() == "" || len(req.GetVolumeCapabilities()) == 0 {
		return nil, status.Error(codes.InvalidArgument, "volume id or capabilities are missing")
	}
	if volume, err := c.store.get(volumes, req.GetVolumeId()); err != nil {
		return nil, err
	} else if volume == nil {
		return nil, status.Errorf(codes.NotFound, "volume %s cannot be reached from node %s", req.GetVolumeId(), c.nodeID)
	}
	return &csi.ValidateVolumeCapabilitiesResponse{
		Confirmed: &csi.ValidateVolumeCapabilitiesResponse_Confirmed{VolumeCapabilities: req.GetVolumeCapabilities()},
	}, nil
}

func (c *controller) GetCapacity(_ context.Context, req *csi.GetCapacityRequest) (*csi.GetCapacityResponse, error) {
	if topology := req.GetAccessibleTopology(); topology != nil && !c.matches(topology.GetSegments()) {
		return &csi.GetCapacityResponse{}, nil
	}
	used, err := c.store.used()
	if err != nil {
		return nil, err
	}
	return &csi.GetCapacityResponse{AvailableCapacity: max(0, c.capacity-used)}, nil
}

func (c *controller) ListVolumes(_ context.Context, req *csi.ListVolumesRequest) (*csi.ListVolumesResponse, error) {
	items, err := c.store.list(volumes)
	if err != nil {
		return nil, err
	}
	items, next, err := page(items, req.GetStartingToken(), req.GetMaxEntries())
	if err != nil {
		return nil, err
	}
	reply := &csi.ListVolumesResponse{NextToken: next}
	for _, it := range items {
		reply.Entries = append(reply.Entries, &csi.ListVolumesResponse_Entry{Volume: c.describe(it)})
	}
	return reply, nil
}

func (c *controller) CreateSnapshot(_ context.Context, req *csi.CreateSnapshotRequest) (*csi.CreateSnapshotResponse, error) {
	if req.GetName() == "" || req.GetSourceVolumeId() == "" {
		return nil, status.Error(codes.InvalidArgument, "name or source volume id is missing")
	}
	id := c.store.idFor(req.GetName())
	release, err := c.claim(id)
	if err != nil {
		return nil, err
	}
	defer release()

	if existing, err := c.store.get(snapshots, id); err != nil {
		return nil, err
	} else if existing != nil {
		if existing.SourceVolume != req.GetSourceVolumeId() {
			return nil, status.Errorf(codes.AlreadyExists, "snapshot %s exists for another volume", id)
		}
		return &csi.CreateSnapshotResponse{Snapshot: c.describeSnapshot(*existing)}, nil
	}
	copyFrom, size, err := c.source(item{SourceVolume: req.GetSourceVolumeId()})
	if err != nil {
		return nil, err
	}
	snapshot := item{ID: id, Size: size, Created: time.Now(), SourceVolume: req.GetSourceVolumeId()}
	if err := c.store.create(snapshots, snapshot, copyFrom); err != nil {
		return nil, err
	}
	return &csi.CreateSnapshotResponse{Snapshot: c.describeSnapshot(snapshot)}, nil
}

func (c *controller) describeSnapshot(snapshot item) *csi.Snapshot {
	return &csi.Snapshot{
		SnapshotId:     snapshot.ID,
		SourceVolumeId: snapshot.SourceVolume,
		SizeBytes:      snapshot.Size,
		CreationTime:   timestamppb.New(snapshot.Created),
		ReadyToUse:     !c.snapshotsHeld(),
	}
}

func (c *controller) DeleteSnapshot(_ context.Context, req *csi.DeleteSnapshotRequest) (*csi.DeleteSnapshotResponse, error) {
	if req.GetSnapshotId() == "" {
		return nil, status.Error(codes.InvalidArgument, "snapshot id is missing")
	}
	release, err := c.claim(req.GetSnapshotId())
	if err != nil {
		return nil, err
	}
	defer release()
	return &csi.DeleteSnapshotResponse{}, c.store.remove(snapshots, req.GetSnapshotId())
}

func (c *controller) ListSnapshots(_ context.Context, req *csi.ListSnapshotsRequest) (*csi.ListSnapshotsResponse, error) {
	items, err := c.store.list(snapshots)
	if err != nil {
		return nil, err
	}
	var wanted []item
	for _, it := range items {
		if (req.GetSnapshotId() == "" || it.ID == req.GetSnapshotId()) &&
			(req.GetSourceVolumeId() == "" || it.SourceVolume == req.GetSourceVolumeId()) {
			wanted = append(wanted, it)
		}
	}
	wanted, next, err := page(wanted, req.GetStartingToken(), req.GetMaxEntries())
	if err != nil {
		return nil, err
	}
	reply := &csi.ListSnapshotsResponse{NextToken: next}
	for _, it := range wanted {
		reply.Entries = append(reply.Entries, &csi.ListSnapshotsResponse_Entry{Snapshot: c.describeSnapshot(it)})
	}
	return reply, nil
}
