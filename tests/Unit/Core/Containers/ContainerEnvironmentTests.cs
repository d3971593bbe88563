using System.Text;
using k8s.Models;
using NativeKubelet.Api.Kubernetes;
using NativeKubelet.Api.Yaml;
using NativeKubelet.Core.Containers;
using NativeKubelet.Tests.Unit.Core.Manifests;

namespace NativeKubelet.Tests.Unit.Core.Containers;

public sealed class ContainerEnvironmentTests
{
    private static readonly EnvironmentSources Objects = Sources.None with
    {
        ConfigMap = name => name == "settings" ? new Dictionary<string, string> { ["b.x"] = "2", ["A"] = "1", ["bad=key"] = "3" } : null,
        Secret = name => name == "keys" ? new Dictionary<string, string> { ["A"] = "s", ["$(A)"] = "t" } : null,
        File = (volume, path) => volume == "v" && path == "out/env" ? "# made by init\nTOKEN='a\nb'\nEMPTY= 'x'\n" : throw new FileNotFoundException("no such file"),
    };

    [Fact]
    public void Whole_objects_come_first_later_ones_win_and_single_variables_win_over_all() =>
        Assert.Equal(["A=own 1", "b.x=2", "P_$(A)=t", "P_A=s", "C=s-2-$(D)", "D=1"], Declared(
            """
            envFrom: [{configMapRef: {name: settings}}, {secretRef: {name: keys}, prefix: P_}]
            env: [{name: A, value: own $(A)}, {name: C, value: $(P_A)-$(b.x)-$(D)}, {name: D, value: '1'}]
            """));

    [Fact]
    public void Of_two_variables_of_one_name_the_last_counts_and_sees_the_first() =>
        Assert.Equal(["A=x-y"], Declared("env: [{name: A, value: x}, {name: A, value: $(A)-y}]"));

    [Fact]
    public void Values_from_elsewhere_are_not_expanded() =>
        Assert.Equal(["A=1", "B=$(A)"], Declared("env: [{name: A, value: '1'}, {name: B, valueFrom: {fieldRef: {fieldPath: \"metadata.annotations['note']\"}}}]"));

    [Theory]
    [InlineData("metadata.name", "p-node-1")]
    [InlineData("metadata.namespace", "default")]
    [InlineData("metadata.labels['app']", "web")]
    [InlineData("metadata.labels['none']", "")]
    [InlineData("spec.nodeName", "Node-1")]
    [InlineData("spec.serviceAccountName", "")]
    [InlineData("status.hostIP", "10.0.0.1")]
    [InlineData("status.hostIPs", "10.0.0.1,fd00::1")]
    [InlineData("status.podIP", "10.88.0.5")]
    [InlineData("status.podIPs", "10.88.0.5")]
    public void Fields_of_the_pod_are_told(string path, string value) =>
        Assert.Equal([$"A={value}"], Declared($"env: [{{name: A, valueFrom: {{fieldRef: {{fieldPath: \"{path}\"}}}}}}]"));

    [Theory]
    [InlineData("limits.cpu", "0", "1")]
    [InlineData("limits.cpu", "1m", "250")]
    [InlineData("requests.cpu", "1", "1")]
    [InlineData("limits.memory", "1Mi", "65")]
    [InlineData("requests.memory", "0", "33554432")]
    [InlineData("requests.memory", "1k", "33555")]
    [InlineData("limits.ephemeral-storage", "1Gi", "100")]
    [InlineData("requests.ephemeral-storage", "0", "0")]
    [InlineData("limits.hugepages-2Mi", "1Mi", "4")]
    public void Amounts_are_rounded_up_to_whole_divisors(string resource, string divisor, string value) =>
        Assert.Equal([$"A={value}"], Declared(
            """
            resources: {limits: {cpu: 250m, memory: 67108865, hugepages-2Mi: 4Mi}, requests: {cpu: 100m, memory: 32Mi}}
            env: [{name: A, valueFrom: {resourceFieldRef: {resource: RESOURCE, divisor: 'DIVISOR'}}}]
            """.Replace("RESOURCE", resource, StringComparison.Ordinal).Replace("DIVISOR", divisor, StringComparison.Ordinal)));

    [Fact]
    public void Without_a_limit_what_the_node_can_give_is_told() =>
        Assert.Equal(["A=4", "B=8192"], Declared(
            "env: [{name: A, valueFrom: {resourceFieldRef: {resource: limits.cpu}}}, {name: B, valueFrom: {resourceFieldRef: {resource: limits.memory, divisor: 1Mi}}}]"));

    [Fact]
    public void What_is_missing_is_left_out_when_it_is_optional() =>
        Assert.Equal(["Z=1"], Declared(
            """
            envFrom: [{configMapRef: {name: none, optional: true}}, {secretRef: {name: none, optional: true}}]
            env:
            - {name: A, valueFrom: {configMapKeyRef: {name: none, key: k, optional: true}}}
            - {name: B, valueFrom: {secretKeyRef: {name: keys, key: k, optional: true}}}
            - {name: C, valueFrom: {fileKeyRef: {volumeName: v, path: out/env, key: NONE, optional: true}}}
            - {name: Z, value: '1'}
            """));

    [Theory]
    [InlineData("envFrom: [{configMapRef: {name: none}}]", "configmap \"none\" not found")]
    [InlineData("envFrom: [{secretRef: {name: none}}]", "secret \"none\" not found")]
    [InlineData("env: [{name: A, valueFrom: {configMapKeyRef: {name: settings, key: k}}}]", "couldn't find key k in ConfigMap default/settings")]
    [InlineData("env: [{name: A, valueFrom: {secretKeyRef: {name: keys, key: k}}}]", "couldn't find key k in Secret default/keys")]
    [InlineData("env: [{name: A, valueFrom: {secretKeyRef: {name: none, key: k}}}]", "secret \"none\" not found")]
    [InlineData("env: [{name: A, valueFrom: {fileKeyRef: {volumeName: v, path: none, key: K}}}]", "couldn't parse env file")]
    [InlineData("env: [{name: A, valueFrom: {fileKeyRef: {volumeName: v, path: out/env, key: EMPTY}}}]", "environment variable key \"EMPTY\" not found in file \"out/env\"")]
    public void What_is_missing_and_needed_keeps_the_container_from_starting(string container, string words) =>
        Assert.Contains(words, Assert.Throws<ContainerConfigException>(() => Declared(container)).Message, StringComparison.Ordinal);

    [Fact]
    public void A_variable_of_a_file_may_span_lines() =>
        Assert.Equal(["A=a\nb"], Declared("env: [{name: A, valueFrom: {fileKeyRef: {volumeName: v, path: out/env, key: TOKEN}}}]"));

    [Theory]
    [InlineData("A='b' c", "unexpected content after closing quote")]
    [InlineData("A=b", "value must be enclosed in single quotes")]
    [InlineData("A ='b'", "whitespace before '=' is not allowed")]
    [InlineData("='b'", "empty variable name")]
    [InlineData("B='x\ny'\nA", "line 3: missing '='")]
    [InlineData("A='b", "unclosed single quote")]
    public void A_file_of_another_form_is_no_file_of_variables(string text, string words) =>
        Assert.Contains(words, Assert.Throws<FormatException>(() => EnvFile.Find(text, "A")).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("env: [{name: A, valueFrom: {fieldRef: {fieldPath: status.phase}}}]", "spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Unsupported value: \"status.phase\"")]
    [InlineData("env: [{name: A, valueFrom: {fieldRef: {fieldPath: \"metadata.name['x']\"}}}]", "does not support subscript")]
    [InlineData("env: [{name: A, valueFrom: {resourceFieldRef: {resource: limits.pods}}}]", "spec.containers[0].env[0].valueFrom.resourceFieldRef.resource: Unsupported value")]
    [InlineData("env: [{name: A, valueFrom: {resourceFieldRef: {resource: limits.cpu, divisor: 1k}}}]", "only divisor's values 1m and 1 are supported with the cpu resource")]
    [InlineData("env: [{name: A, valueFrom: {fileKeyRef: {volumeName: v, path: ../x, key: K}}}]", "fileKeyRef.path: Invalid value: \"../x\": must not contain '..'")]
    [InlineData("env: [{name: A, valueFrom: {fileKeyRef: {volumeName: none, path: x, key: K}}}]", "fileKeyRef.volumeName: Not found: \"none\"")]
    public void References_that_no_pod_can_have_are_refused_with_the_manifest(string container, string words) =>
        Assert.Contains(Manifest.Errors(Manifest.Yaml(container, "volumes: [{name: v, emptyDir: {}}]")), e => e.Contains(words, StringComparison.Ordinal));

    private static IEnumerable<string> Declared(string container)
    {
        // References to objects of the API are another room's matter: they are put in as they are.
        V1Container own = Container(container);
        V1Pod pod = Manifest.Pod(Manifest.Yaml().Replace("name: p", "name: p, labels: {app: web}, annotations: {note: $(A)}", StringComparison.Ordinal));
        pod.Spec.Containers = [own];
        return ContainerEnvironment.Declared(pod, own, Objects).Select(v => $"{v.Key}={v.Value}");
    }

    private static V1Container Container(string yaml) => KubernetesJson.Read<V1Pod>(
        YamlDocuments.Read(Encoding.UTF8.GetBytes(Manifest.Yaml(yaml))).Single().Json.Span)!.Spec.Containers[0];
}
