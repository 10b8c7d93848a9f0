package main

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	kubeadmapi "k8s.io/kubernetes/cmd/kubeadm/app/apis/kubeadm"
	"k8s.io/kubernetes/cmd/kubeadm/app/phases/addons/dns"
	sigsyaml "sigs.k8s.io/yaml"
)

// addonFiles are the objects of what every cluster has beside kubeadm's own add-ons.
//
//go:embed addons/*.yaml
var addonFiles embed.FS

// dnsPatch is what differs from kubeadm's DNS add-on: one pod is enough for a
// lab, and is asked each second whether it is ready. With a startup probe, which
// would be asked only until then, a kubelet takes up to a second longer to notice:
// it waits for its next look at all containers.
const dnsPatch = `
spec:
  replicas: 1
  template:
    spec:
      containers:
      - name: coredns
        env:
        - {name: GOGC, value: "50"}
        readinessProbe:
          periodSeconds: 1
`

// The label by which Kubernetes' own add-on manager (cluster/addons/addon-manager)
// says that an object is made again when it is missing, and not changed back.
const (
	addonLabel  = "addonmanager.kubernetes.io/mode"
	addonEnsure = "EnsureExists"
)

// restoreEvery is the pause between two looks for add-ons that are missing.
const restoreEvery = 20 * time.Second

// addons are the objects of cluster DNS, metrics, storage and network policies.
type addons struct {
	client  dynamic.Interface
	objects []*unstructured.Unstructured
}

func newAddons(kubeadm *kubeadmapi.InitConfiguration) (*addons, error) {
	config, err := clientcmd.BuildConfigFromFlags("", adminFile)
	if err != nil {
		return nil, err
	}
	config.QPS = -1
	a := &addons{}
	if a.client, err = dynamic.NewForConfig(config); err != nil {
		return nil, err
	}
	var manifest bytes.Buffer
	if err := dns.EnsureDNSAddon(&kubeadm.ClusterConfiguration, nil, "", &manifest, true); err != nil {
		return nil, fmt.Errorf("read kubeadm's DNS add-on: %w", err)
	}
	if err := a.read(&manifest); err != nil {
		return nil, fmt.Errorf("read kubeadm's DNS add-on: %w", err)
	}
	err = fs.WalkDir(addonFiles, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := addonFiles.ReadFile(path)
		if err != nil {
			return err
		}
		if err := a.read(bytes.NewReader(text)); err != nil {
			return fmt.Errorf("read the add-on %s: %w", path, err)
		}
		return nil
	})
	return a, err
}

// read adds the objects of a YAML file with several documents.
func (a *addons) read(file io.Reader) error {
	decoder := yaml.NewYAMLOrJSONDecoder(file, 4096)
	for {
		object := &unstructured.Unstructured{}
		if err := decoder.Decode(object); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if object.GetKind() == "Deployment" && object.GetName() == "coredns" {
			if err := patchDNS(object); err != nil {
				return err
			}
		}
		labels := object.GetLabels()
		if labels == nil {
			labels = map[string]string{}
		}
		labels[addonLabel] = addonEnsure
		object.SetLabels(labels)
		a.objects = append(a.objects, object)
	}
}

// patchDNS applies dnsPatch.
func patchDNS(deployment *unstructured.Unstructured) error {
	before, err := deployment.MarshalJSON()
	if err != nil {
		return err
	}
	patch, err := sigsyaml.YAMLToJSON([]byte(dnsPatch))
	if err != nil {
		return err
	}
	after, err := strategicpatch.StrategicMergePatch(before, patch, appsv1.Deployment{})
	if err != nil {
		return err
	}
	return json.Unmarshal(after, &deployment.Object)
}

// resource returns where objects like this one are.
func (a *addons) resource(object *unstructured.Unstructured) dynamic.ResourceInterface {
	resource, _ := meta.UnsafeGuessKindToResource(object.GroupVersionKind())
	if namespace := object.GetNamespace(); namespace != "" {
		return a.client.Resource(resource).Namespace(namespace)
	}
	return a.client.Resource(resource)
}

// create makes the objects that are not there, and goes on where one cannot be made.
func (a *addons) create(ctx context.Context) error {
	var failed []error
	for _, object := range a.objects {
		// A Service that is there is not found to be so when it is made: its address is
		// found to be taken.
		_, err := a.resource(object).Get(ctx, object.GetName(), metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			_, err = a.resource(object).Create(ctx, object, metav1.CreateOptions{})
		}
		if err != nil && !apierrors.IsAlreadyExists(err) {
			failed = append(failed, fmt.Errorf("install %s %s: %w", object.GetKind(), object.GetName(), err))
		}
	}
	return errors.Join(failed...)
}

// restore makes add-ons again that were deleted, until ctx ends: what
// `kubectl delete all --all -A` takes away comes back in restoreEvery, with
// whatever it needs. What is changed stays as it is: a lab may be about a broken
// one, or about one that was scaled to none.
func (a *addons) restore(ctx context.Context) {
	tick := time.NewTicker(restoreEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		missing := a.missing(ctx)
		if len(missing) == 0 {
			continue
		}
		klog.InfoS("Add-ons that were deleted are made again", "addons", klog.KObjSlice(missing))
		if err := a.create(ctx); err != nil { // as in a namespace that is being deleted
			klog.ErrorS(err, "Some add-ons cannot be made again yet")
			continue
		}
		for _, object := range missing {
			a.tell(ctx, object)
		}
	}
}

// missing returns the add-ons' Deployments and Services that are not there.
func (a *addons) missing(ctx context.Context) []*unstructured.Unstructured {
	var found []*unstructured.Unstructured
	for _, object := range a.objects {
		if kind := object.GetKind(); kind != "Deployment" && kind != "Service" {
			continue
		}
		if _, err := a.resource(object).Get(ctx, object.GetName(), metav1.GetOptions{}); apierrors.IsNotFound(err) {
			found = append(found, object)
		}
	}
	return found
}

// tell leaves an event that says why an add-on is back. Without it nothing else
// goes wrong.
func (a *addons) tell(ctx context.Context, restored *unstructured.Unstructured) {
	now := metav1.Now()
	event := &corev1.Event{
		TypeMeta:       metav1.TypeMeta{APIVersion: "v1", Kind: "Event"},
		ObjectMeta:     metav1.ObjectMeta{GenerateName: restored.GetName() + ".", Namespace: restored.GetNamespace()},
		InvolvedObject: corev1.ObjectReference{APIVersion: restored.GetAPIVersion(), Kind: restored.GetKind(), Name: restored.GetName(), Namespace: restored.GetNamespace()},
		Type:           corev1.EventTypeNormal, Reason: "AddonRestored", Count: 1, FirstTimestamp: now, LastTimestamp: now,
		Message: "It was deleted, and every cluster needs it, so it is made again. To do without it, scale it to 0.",
		Source:  corev1.EventSource{Component: "addon-manager"}, ReportingController: "addon-manager",
	}
	object, err := json.Marshal(event)
	if err != nil {
		return
	}
	made := &unstructured.Unstructured{}
	if err := made.UnmarshalJSON(object); err != nil {
		return
	}
	if _, err := a.resource(made).Create(ctx, made, metav1.CreateOptions{}); err != nil {
		klog.InfoS("The event of an add-on that was made again is lost", "err", err)
	}
}
