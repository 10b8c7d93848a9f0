package setup

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// PodSettled is what a set-up waits for.
func PodSettled(pod *corev1.Pod, now time.Time) bool { return podSettled(pod, now) }

// MadePods is what a set-up waits for.
func MadePods(o *unstructured.Unstructured) bool { return madePods(o) }
