package main

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// node publishes a volume as a symbolic link: mounting would need root.
type node struct {
	csi.UnimplementedNodeServer
	options
	store *store
}

func (n *node) NodeGetInfo(context.Context, *csi.NodeGetInfoRequest) (*csi.NodeGetInfoResponse, error) {
	return &csi.NodeGetInfoResponse{
		NodeId:             n.nodeID,
		AccessibleTopology: &csi.Topology{Segments: n.topology},
	}, nil
}

func (n *node) NodeGetCapabilities(context.Context, *csi.NodeGetCapabilitiesRequest) (*csi.NodeGetCapabilitiesResponse, error) {
	stage := csi.NodeServiceCapability_RPC_STAGE_UNSTAGE_VOLUME
	return &csi.NodeGetCapabilitiesResponse{Capabilities: []*csi.NodeServiceCapability{
		{Type: &csi.NodeServiceCapability_Rpc{Rpc: &csi.NodeServiceCapability_RPC{Type: stage}}},
	}}, nil
}

func (n *node) NodeStageVolume(_ context.Context, req *csi.NodeStageVolumeRequest) (*csi.NodeStageVolumeResponse, error) {
	if req.GetVolumeCapability() == nil {
		return nil, status.Error(codes.InvalidArgument, "volume capability is missing")
	}
	return &csi.NodeStageVolumeResponse{}, n.check(req.GetVolumeId(), req.GetStagingTargetPath())
}

func (n *node) NodeUnstageVolume(_ context.Context, req *csi.NodeUnstageVolumeRequest) (*csi.NodeUnstageVolumeResponse, error) {
	return &csi.NodeUnstageVolumeResponse{}, n.check(req.GetVolumeId(), req.GetStagingTargetPath())
}

func (n *node) NodePublishVolume(_ context.Context, req *csi.NodePublishVolumeRequest) (*csi.NodePublishVolumeResponse, error) {
	if req.GetVolumeCapability() == nil {
		return nil, status.Error(codes.InvalidArgument, "volume capability is missing")
	}
	if err := n.check(req.GetVolumeId(), req.GetTargetPath()); err != nil {
		return nil, err
	}
	err := os.Symlink(n.store.dataPath(volumes, req.GetVolumeId()), req.GetTargetPath())
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return &csi.NodePublishVolumeResponse{}, nil
}

func (n *node) NodeUnpublishVolume(_ context.Context, req *csi.NodeUnpublishVolumeRequest) (*csi.NodeUnpublishVolumeResponse, error) {
	if err := n.check(req.GetVolumeId(), req.GetTargetPath()); err != nil {
		return nil, err
	}
	if err := os.Remove(req.GetTargetPath()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return &csi.NodeUnpublishVolumeResponse{}, nil
}

// check holds for all four calls: both arguments given, and the volume in reach.
func (n *node) check(volumeID, path string) error {
	if volumeID == "" || path == "" {
		return status.Error(codes.InvalidArgument, "volume id or path is missing")
	}
	volume, err := n.store.get(volumes, volumeID)
	if err != nil {
		return err
	}
	if volume == nil {
		return status.Errorf(codes.NotFound, "volume %s cannot be reached from node %s", volumeID, n.nodeID)
	}
	return nil
}
