// Command csi-driver is the CSI driver of topobind's cluster tests. Volumes
// and snapshots are folders, so it needs no privileges and no devices.
//
// One process serves one node. What makes it useful is its reach: with
// --reach=node every node is an island, as with LVM or ZFS; with --reach=zone
// the nodes of a zone share what they make; with --reach=anywhere all do.
package main

import (
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
)

type options struct {
	endpoint    string
	nodeID      string
	driverName  string
	dataDir     string
	reach       string
	zone        string
	topology    topologyFlag
	createDelay time.Duration
	capacity    int64
}

// topologyFlag collects repeated --topology key=value flags.
type topologyFlag map[string]string

func (t topologyFlag) String() string { return fmt.Sprint(map[string]string(t)) }

func (t topologyFlag) Set(pair string) error {
	key, value, found := strings.Cut(pair, "=")
	if !found || key == "" {
		return fmt.Errorf("want key=value, got %q", pair)
	}
	t[key] = value
	return nil
}

func main() {
	opts, err := parseOptions()
	if err == nil {
		err = serve(opts)
	}
	if err != nil {
		log.Fatal(err)
	}
}

func parseOptions() (options, error) {
	o := options{topology: topologyFlag{}}
	flag.StringVar(&o.endpoint, "endpoint", "", "path of the unix socket to serve on")
	flag.StringVar(&o.nodeID, "node-id", "", "name of the node this process serves")
	flag.StringVar(&o.driverName, "driver-name", "folder.topobind.dev", "name of the CSI driver")
	flag.StringVar(&o.dataDir, "data-dir", "", "folder of all nodes' volumes, snapshots and fault files")
	flag.StringVar(&o.reach, "reach", "node", "who shares volumes and snapshots: node, zone or anywhere")
	flag.StringVar(&o.zone, "zone", "", "this node's zone, for --reach=zone")
	flag.Var(o.topology, "topology", "key=value of this node's segment (repeatable); default: <driver>/node or <driver>/zone")
	flag.DurationVar(&o.createDelay, "create-delay", 0, "how long CreateVolume takes")
	flag.Int64Var(&o.capacity, "capacity", 1<<50, "bytes that all volumes of this node, zone or cluster may add up to")
	flag.Parse()

	switch {
	case o.endpoint == "" || o.nodeID == "" || o.dataDir == "":
		return o, fmt.Errorf("--endpoint, --node-id and --data-dir are required")
	case o.reach != "node" && o.reach != "zone" && o.reach != "anywhere":
		return o, fmt.Errorf("--reach is node, zone or anywhere, not %q", o.reach)
	case o.reach == "zone" && o.zone == "":
		return o, fmt.Errorf("--reach=zone needs --zone")
	}
	if len(o.topology) == 0 {
		if o.reach == "zone" {
			o.topology[o.driverName+"/zone"] = o.zone
		} else {
			o.topology[o.driverName+"/node"] = o.nodeID
		}
	}
	return o, nil
}

// pool names the folder that holds what this node can reach. Nodes that share
// a pool see each other's volumes and snapshots; to others they do not exist.
func (o options) pool() string {
	switch o.reach {
	case "zone":
		return "zone-" + o.zone
	case "anywhere":
		return "anywhere"
	default:
		return o.nodeID
	}
}

func serve(o options) error {
	store, err := openStore(filepath.Join(o.dataDir, "pools", o.pool()))
	if err != nil {
		return err
	}
	socket := strings.TrimPrefix(o.endpoint, "unix://")
	// A socket left by a killed process would make Listen fail.
	if err := os.Remove(socket); err != nil && !os.IsNotExist(err) {
		return err
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}

	server := grpc.NewServer(grpc.UnaryInterceptor(logCalls))
	csi.RegisterIdentityServer(server, &identity{name: o.driverName})
	csi.RegisterControllerServer(server, &controller{options: o, store: store, busy: map[string]bool{}})
	csi.RegisterNodeServer(server, &node{options: o, store: store})

	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		<-signals
		server.Stop()
	}()
	log.Printf("driver %s, node %s, pool %s, on %s", o.driverName, o.nodeID, o.pool(), socket)
	return server.Serve(listener)
}
