package kubernetes

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/billwatch/billwatch/internal/config"
	notifiers "github.com/billwatch/billwatch/notify/builtin"
	providers "github.com/billwatch/billwatch/poller/builtin"
)

const port = 9595

// manifests are the objects of this folder, one of each kind.
type manifests struct {
	namespace *corev1.Namespace
	config    *corev1.ConfigMap
	secret    *corev1.Secret
	service   *corev1.Service
	set       *appsv1.StatefulSet
	policy    *networkingv1.NetworkPolicy
}

// read decodes every document of this folder as the API server would that
// refuses unknown and repeated fields.
func read(t *testing.T) manifests {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, appsv1.AddToScheme, networkingv1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	strict := serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
	names, err := filepath.Glob("*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var m manifests
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		documents := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
		for {
			document, err := documents.Read()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			object, _, err := strict.Decode(document, nil, nil)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if err := m.keep(object); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
	}
	if m.namespace == nil || m.config == nil || m.secret == nil || m.service == nil || m.set == nil || m.policy == nil {
		t.Fatalf("an object is missing among %v", names)
	}
	return m
}

func (m *manifests) keep(object runtime.Object) error {
	taken := false
	switch o := object.(type) {
	case *corev1.Namespace:
		m.namespace, taken = o, m.namespace != nil
	case *corev1.ConfigMap:
		m.config, taken = o, m.config != nil
	case *corev1.Secret:
		m.secret, taken = o, m.secret != nil
	case *corev1.Service:
		m.service, taken = o, m.service != nil
	case *appsv1.StatefulSet:
		m.set, taken = o, m.set != nil
	case *networkingv1.NetworkPolicy:
		m.policy, taken = o, m.policy != nil
	default:
		return fmt.Errorf("no place for a %T", o)
	}
	if taken {
		return fmt.Errorf("a second %T", object)
	}
	return nil
}

func TestThePodKeepsTheRestrictedStandard(t *testing.T) {
	m := read(t)
	pod := m.set.Spec.Template.Spec
	if got := m.namespace.Labels["pod-security.kubernetes.io/enforce"]; got != "restricted" {
		t.Errorf("the namespace enforces %q, want restricted", got)
	}
	yes, no, id, change := true, false, int64(65532), corev1.FSGroupChangeOnRootMismatch
	wantPod := &corev1.PodSecurityContext{
		RunAsNonRoot: &yes, RunAsUser: &id, RunAsGroup: &id, FSGroup: &id, FSGroupChangePolicy: &change,
		SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
	}
	if diff := cmp.Diff(wantPod, pod.SecurityContext); diff != "" {
		t.Errorf("security of the pod: -want +got\n%s", diff)
	}
	if len(pod.Containers) != 1 || len(pod.InitContainers) != 0 {
		t.Fatalf("containers: %d and %d before them, want one", len(pod.Containers), len(pod.InitContainers))
	}
	wantContainer := &corev1.SecurityContext{
		AllowPrivilegeEscalation: &no, ReadOnlyRootFilesystem: &yes,
		Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
	}
	if diff := cmp.Diff(wantContainer, pod.Containers[0].SecurityContext); diff != "" {
		t.Errorf("security of the container: -want +got\n%s", diff)
	}
	if pod.HostNetwork || pod.HostPID || pod.HostIPC {
		t.Error("the pod shares something with its node")
	}
	for _, v := range pod.Volumes {
		if v.ConfigMap == nil && v.Secret == nil {
			t.Errorf("volume %s is neither configuration nor secrets", v.Name)
		}
	}
	for name, is := range map[string]*bool{
		"automountServiceAccountToken": pod.AutomountServiceAccountToken,
		"enableServiceLinks":           pod.EnableServiceLinks,
	} {
		if is == nil || *is {
			t.Errorf("%s is not off", name)
		}
	}
}

func TestOneInstanceHasTheVolumeForItself(t *testing.T) {
	set := read(t).set
	if n := set.Spec.Replicas; n == nil {
		t.Error("replicas are not set, want 1: SQLite has one writer")
	} else if *n != 1 {
		t.Errorf("replicas: got %d, want 1: SQLite has one writer", *n)
	}
	if n := len(set.Spec.VolumeClaimTemplates); n != 1 {
		t.Fatalf("volume claims: got %d, want 1", n)
	}
	claim := set.Spec.VolumeClaimTemplates[0]
	if diff := cmp.Diff([]corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}, claim.Spec.AccessModes); diff != "" {
		t.Errorf("access to the volume: -want +got\n%s", diff)
	}
	mounts := set.Spec.Template.Spec.Containers[0].VolumeMounts
	i := slices.IndexFunc(mounts, func(v corev1.VolumeMount) bool { return v.Name == claim.Name })
	if i < 0 || mounts[i].ReadOnly {
		t.Fatalf("the claim %s is not mounted to be written to", claim.Name)
	}
	if state := "sqlite:" + mounts[i].MountPath + "/"; !strings.Contains(read(t).config.Data["billwatch.yaml"], state) {
		t.Errorf("the configuration does not keep its state below %s", state)
	}
	if got := *set.Spec.Template.Spec.TerminationGracePeriodSeconds; got != 30 {
		t.Errorf("grace: got %d s, want 30: an orderly end takes up to 25", got)
	}
	resources := set.Spec.Template.Spec.Containers[0].Resources
	for what, q := range map[string]bool{
		"request of CPU": resources.Requests.Cpu().IsZero(), "request of memory": resources.Requests.Memory().IsZero(),
		"limit of memory": resources.Limits.Memory().IsZero(),
	} {
		if q {
			t.Errorf("no %s", what)
		}
	}
}

func TestEveryoneMeansTheSamePort(t *testing.T) {
	m := read(t)
	container := m.set.Spec.Template.Spec.Containers[0]
	if len(container.Ports) != 1 || container.Ports[0].Name != "http" || container.Ports[0].ContainerPort != port {
		t.Errorf("ports of the container: got %v, want http %d", container.Ports, port)
	}
	for path, probe := range map[string]*corev1.Probe{
		"/-/healthy": container.LivenessProbe, "/-/ready": container.ReadinessProbe,
	} {
		if probe == nil || probe.HTTPGet == nil || probe.HTTPGet.Path != path || probe.HTTPGet.Port != intstr.FromString("http") {
			t.Errorf("probe of %s: got %v", path, probe)
		}
	}
	service := m.service.Spec.Ports[0]
	if service.Port != port || service.TargetPort != intstr.FromString("http") {
		t.Errorf("port of the service: got %v", service)
	}
	if in := m.policy.Spec.Ingress[0].Ports[0].Port; *in != intstr.FromString("http") {
		t.Errorf("port that the policy lets in: got %v", in)
	}
	if !strings.Contains(m.config.Data["billwatch.yaml"], fmt.Sprintf("listen: :%d\n", port)) {
		t.Errorf("the configuration does not listen on :%d", port)
	}
}

func TestTheConfigurationChecksOut(t *testing.T) {
	m := read(t)
	dir := t.TempDir()
	for key, secret := range m.secret.StringData {
		if err := os.WriteFile(filepath.Join(dir, key), []byte(secret), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range m.config.Data {
		text = strings.ReplaceAll(text, "/run/secrets/billwatch/", dir+"/")
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// What Kubernetes would set, were the links to services not switched off.
	env := []string{"BILLWATCH_PORT=tcp://10.0.0.1:9595", "BILLWATCH_SERVICE_HOST=10.0.0.1"}
	kinds := config.Kinds{Sources: providers.Types(), Integrations: notifiers.Types()}
	_, problems, err := config.Load(filepath.Join(dir, "billwatch.yaml"), env, kinds)
	if err != nil {
		t.Fatal(err)
	}
	if len(problems) > 0 {
		t.Error(problems)
	}
}

func TestTheObjectsFindEachOther(t *testing.T) {
	m := read(t)
	labels := m.set.Spec.Template.Labels
	for what, selector := range map[string]map[string]string{
		"StatefulSet": m.set.Spec.Selector.MatchLabels, "Service": m.service.Spec.Selector,
		"NetworkPolicy": m.policy.Spec.PodSelector.MatchLabels,
	} {
		if len(selector) == 0 {
			t.Errorf("%s selects everything", what)
		}
		for k, v := range selector {
			if labels[k] != v {
				t.Errorf("%s selects %s=%s, the pod has %q", what, k, v, labels[k])
			}
		}
	}
	if m.set.Spec.ServiceName != m.service.Name {
		t.Errorf("service of the set: got %q, want %q", m.set.Spec.ServiceName, m.service.Name)
	}
	for what, ns := range map[string]string{
		"ConfigMap": m.config.Namespace, "Secret": m.secret.Namespace, "Service": m.service.Namespace,
		"StatefulSet": m.set.Namespace, "NetworkPolicy": m.policy.Namespace,
	} {
		if ns != m.namespace.Name {
			t.Errorf("namespace of the %s: got %q, want %q", what, ns, m.namespace.Name)
		}
	}
	for _, v := range m.set.Spec.Template.Spec.Volumes {
		if v.ConfigMap != nil && v.ConfigMap.Name != m.config.Name || v.Secret != nil && v.Secret.SecretName != m.secret.Name {
			t.Errorf("volume %s holds what is not here", v.Name)
		}
	}
	for key := range m.secret.StringData {
		if file := "/run/secrets/billwatch/" + key; !strings.Contains(m.config.Data["billwatch.yaml"], "_file: "+file+"\n") {
			t.Errorf("the configuration does not use the secret %s", file)
		}
	}
}
