package main

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// adminClient returns a client that may do everything, with no limit of its own.
func adminClient() (*kubernetes.Clientset, error) {
	config, err := clientcmd.BuildConfigFromFlags("", adminFile)
	if err != nil {
		return nil, err
	}
	config.QPS = -1
	config.ContentType = "application/vnd.kubernetes.protobuf" // half the garbage of JSON
	return kubernetes.NewForConfig(config)
}

// awaitAPIServer blocks until the API server is ready or ctx ends. Controllers
// that come too soon give up, or wait for a whole second.
func awaitAPIServer(ctx context.Context) error {
	client, err := adminClient()
	if err != nil {
		return fmt.Errorf("look whether the API server is ready: %w", err)
	}
	return wait.PollUntilContextCancel(ctx, 20*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		_, err := client.RESTClient().Get().AbsPath("/readyz").DoRaw(ctx)
		return err == nil, nil
	})
}
