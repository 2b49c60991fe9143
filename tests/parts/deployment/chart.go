package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
	"helm.sh/helm/v3/pkg/releaseutil"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/kubernetes/scheme"
)

var release = chartutil.ReleaseOptions{
	Name: "models", Namespace: "registry", Revision: 1, IsInstall: true,
}

// readChart returns the objects that a chart makes of values (YAML), each decoded as its type of
// Kubernetes with no field unknown or twice. A warning of Helm's linter is a fault.
func readChart(folder string, values io.Reader) ([]runtime.Object, error) {
	given, err := io.ReadAll(values)
	if err != nil {
		return nil, err
	}
	chosen, err := chartutil.ReadValues(given)
	if err != nil {
		return nil, err
	}
	var faults []error
	for _, message := range lint.All(folder, chosen, release.Namespace, true).Messages {
		if message.Severity >= support.WarningSev {
			faults = append(faults, message)
		}
	}
	manifests, err := render(folder, chosen)
	if err != nil {
		return nil, errors.Join(append(faults, err)...)
	}
	strict := serializer.NewCodecFactory(scheme.Scheme, serializer.EnableStrict).UniversalDeserializer()
	var objects []runtime.Object
	for _, manifest := range manifests {
		object, _, err := strict.Decode([]byte(manifest), nil, nil)
		if err != nil {
			faults = append(faults, fmt.Errorf("%w in:\n%s", err, manifest))
			continue
		}
		objects = append(objects, object)
	}
	return objects, errors.Join(faults...)
}

func render(folder string, chosen chartutil.Values) ([]string, error) {
	chart, err := loader.Load(folder)
	if err != nil {
		return nil, err
	}
	all, err := chartutil.ToRenderValues(chart, chosen, release, chartutil.DefaultCapabilities)
	if err != nil {
		return nil, err
	}
	rendered, err := engine.Engine{Strict: true}.Render(chart, all)
	if err != nil {
		return nil, err
	}
	var manifests []string
	for name, text := range rendered {
		if strings.HasSuffix(name, "NOTES.txt") {
			continue
		}
		for _, manifest := range releaseutil.SplitManifests(text) {
			manifests = append(manifests, manifest)
		}
	}
	slices.Sort(manifests) // maps have no order
	return manifests, nil
}
