using System.Text;
using k8s.Models;
using NativeKubelet.Core.Manifests;

namespace NativeKubelet.Tests.Unit.Core.Manifests;

public sealed class ManifestDecoderTests
{
    [Theory]
    [InlineData("samples/liveness-probe.yaml", "pod-liveness-node-1")]
    [InlineData("samples/liveness-probe-tcp.yaml", "pod-livenss-probe-node-1")]
    public void The_samples_load_as_they_stand(string fixture, string name)
    {
        DecodedManifest read = Manifest.Decode(Manifest.Fixture(fixture));

        Assert.Empty(read.Problems);
        V1Pod pod = Assert.Single(read.Pods);
        Assert.Equal((name, "default", "Pending"), (pod.Metadata.Name, pod.Metadata.NamespaceProperty, pod.Status.Phase));
        Assert.NotNull(pod.Spec.Containers[0].LivenessProbe);
    }

    [Fact]
    public void Every_document_counts()
    {
        DecodedManifest read = Manifest.Decode(Manifest.Fixture("manifests/two-pods.yaml"));

        Assert.Equal(["web-node-1", "worker-node-1"], read.Pods.Select(p => p.Metadata.Name));
        Assert.Single(read.Objects);
        Assert.Empty(read.Problems);
    }

    [Fact]
    public void A_static_pod_carries_name_suffix_annotations_node_and_toleration()
    {
        V1Pod pod = Manifest.Pod(Manifest.Yaml());

        Assert.Equal("p-node-1", pod.Metadata.Name);
        Assert.Equal("Node-1", pod.Spec.NodeName);
        Assert.Equal("file", pod.Metadata.Annotations["kubernetes.io/config.source"]);
        Assert.Equal("2026-01-02T03:04:05.678000000Z", pod.Metadata.Annotations["kubernetes.io/config.seen"]);
        Assert.Equal(pod.Metadata.Uid, pod.Metadata.Annotations["kubernetes.io/config.hash"]);
        Assert.Single(pod.Spec.Tolerations, t => t is { OperatorProperty: "Exists", Effect: "NoExecute" });
        Assert.True(StaticPodIdentity.IsStatic(pod));
    }

    [Fact]
    public void A_pod_from_a_url_gets_no_toleration_and_its_secrets_stay_out_of_messages()
    {
        ManifestOrigin origin = ManifestOrigin.Url("https://user:pass@host/p?token=secret", "n");
        DecodedManifest good = ManifestDecoder.Decode(Encoding.UTF8.GetBytes(Manifest.Yaml()), origin, Manifest.Now);
        DecodedManifest bad = ManifestDecoder.Decode("x"u8.ToArray(), origin, Manifest.Now);

        Assert.Null(good.Pods[0].Spec.Tolerations);
        Assert.Equal("http", good.Pods[0].Metadata.Annotations["kubernetes.io/config.source"]);
        Assert.Equal("https://host/p", bad.Problems[0].Origin);
    }

    [Fact]
    public void Lists_of_pods_are_unrolled()
    {
        const string item = """{"metadata":{"name":"NAME"},"spec":{"containers":[{"name":"c","image":"i"}]}}""";
        string list = "{\"apiVersion\":\"v1\",\"kind\":\"PodList\",\"items\":[" + item.Replace("NAME", "a", StringComparison.Ordinal) + "," + item.Replace("NAME", "b", StringComparison.Ordinal) + "]}";

        Assert.Equal(["a-node-1", "b-node-1"], Manifest.Decode(list).Pods.Select(p => p.Metadata.Name));
    }

    [Fact]
    public void Fields_that_nobody_knows_and_keys_given_twice_are_warned_of_with_their_lines()
    {
        DecodedManifest read = Manifest.Decode(Manifest.Yaml("imagepullPolicy: Never\nimage: busybox:2\nbogus: {a: 1}"));

        Assert.True(read.Valid);
        Assert.Equal("busybox:2", read.Pods[0].Spec.Containers[0].Image);
        Assert.Contains(read.Problems, p => p.Field == "spec.containers[0].imagepullPolicy" && p.Line == 8 && p.Message.Contains("imagePullPolicy", StringComparison.Ordinal));
        Assert.Contains(read.Problems, p => p.Field == "spec.containers[0].bogus" && p.Line == 10);
        Assert.Contains(read.Problems, p => p.Line == 9 && p.Message.Contains("already set", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("args: [a, 5]", "spec.containers[0].args[1]: must be a string; put it in quotes")]
    [InlineData("tty: maybe", "spec.containers[0].tty: must be true or false")]
    [InlineData("ports: [{containerPort: eighty}]", "spec.containers[0].ports[0].containerPort: must be a whole number")]
    [InlineData("ports: {containerPort: 80}", "spec.containers[0].ports: must be a list")]
    [InlineData("securityContext: []", "spec.containers[0].securityContext: must be a map")]
    [InlineData("resources: {limits: {memory: lots}}", "spec.containers[0].resources.limits.memory: must be a quantity such as 100m, 0.5, 64Mi or 1e3")]
    [InlineData("resources: {limits: [1]}", "spec.containers[0].resources.limits: must be a map")]
    [InlineData("args: [a, null]", "spec.containers[0].args[1]: must not be null")]
    [InlineData("env: [~]", "spec.containers[0].env[0]: must not be null")]
    public void A_value_of_the_wrong_type_is_told_in_a_persons_words(string field, string error)
    {
        ManifestProblem problem = Assert.Single(Manifest.Decode(Manifest.Yaml(field)).Problems);

        Assert.Equal(error, $"{problem.Field}: {problem.Message}");
        Assert.Equal(8, problem.Line);
    }

    [Theory]
    [InlineData("kind: Pod", "apiVersion: Required value")]
    [InlineData("apiVersion: v1", "kind: Required value")]
    [InlineData("apiVersion: apps/v1\nkind: Deployment", "kind: apps/v1 Deployment cannot be run by a node alone; a manifest holds v1 Pods")]
    [InlineData("apiVersion: v1\nkind: Pod", "metadata.name: Required value: name is needed for the pod")]
    [InlineData("apiVersion: v1\nkind: Pod\nmetadata: {name: p}", "spec: Required value")]
    [InlineData("apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {}", "spec.containers: Required value")]
    [InlineData("just words", ": is no Kubernetes object: a map with apiVersion, kind, metadata and spec is expected")]
    [InlineData("", ": holds no document: a pod is expected")]
    [InlineData("# a comment\n---\n", ": holds no document: a pod is expected")]
    public void What_is_no_pod_is_refused(string text, string error) => Assert.Equal([error], Manifest.Errors(text));

    [Fact]
    public void One_bad_document_makes_the_whole_file_invalid()
    {
        DecodedManifest read = Manifest.Decode(Manifest.Yaml() + "---\nkind: Pod\n");

        Assert.False(read.Valid);
        Assert.Empty(read.Pods);
        Assert.Equal((2, 9), (read.Problems[0].Document, read.Problems[0].Line));
    }

    [Fact]
    public void A_problem_reads_as_one_line_for_people() => Assert.Equal(
        "/m/p.yaml:8: spec.containers[0].tty: must be true or false",
        Manifest.Decode(Manifest.Yaml("tty: maybe"), "/m/p.yaml").Problems[0].ToString());

    [Theory]
    [InlineData("{{{{")]
    [InlineData("\0\0\0")]
    [InlineData("a: &a [*a]")]
    [InlineData("apiVersion: v1\nkind: Pod\nmetadata: 5\nspec: 7")]
    [InlineData("apiVersion: v1\nkind: PodList\nitems: 5")]
    [InlineData("apiVersion: v1\nkind: PodList\nitems: [null, 5, {kind: PodList, apiVersion: v1, items: []}]")]
    [InlineData("apiVersion: v1\nkind: Pod\nmetadata: {name: p, labels: {a: null}}\nspec: {containers: [{name: c, image: i, resources: {limits: {cpu: null}}}], volumes: [{name: v, emptyDir: null}]}")]
    [InlineData("apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{}], volumes: [{}], hostAliases: [{}], readinessGates: [{}], tolerations: [{}], dnsConfig: {options: [{}]}, topologySpreadConstraints: [{}]}")]
    [InlineData("apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {initContainers: [{}], containers: [{env: [{}], envFrom: [{}], ports: [{}], volumeMounts: [{}], volumeDevices: [{}], livenessProbe: {}, lifecycle: {preStop: {}, postStart: {httpGet: {}}}, resources: {limits: {}}, securityContext: {capabilities: {}, seccompProfile: {}, appArmorProfile: {}}, restartPolicyRules: [{}]}], securityContext: {sysctls: [{}], seccompProfile: {}}}")]
    [InlineData("apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: i}], volumes: [{name: v, projected: {sources: [{}]}}, {name: w, downwardAPI: {items: [{}]}}]}")]
    [InlineData("apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: i}], ephemeralContainers: [{}], resources: {limits: {a: 1}, requests: {cpu: -1}}, overhead: {x: -5}}")]
    public void Hostile_text_ends_in_problems_and_never_in_an_exception(string text) =>
        Assert.All(Manifest.Decode(text).Problems, p => Assert.NotEmpty(p.Message));

    [Fact]
    public void A_thousand_faults_make_a_short_list()
    {
        string env = string.Join(',', Enumerable.Range(0, 1000).Select(i => "{name: 'a=" + i + "'}"));

        DecodedManifest read = Manifest.Decode(Manifest.Yaml($"env: [{env}]"));

        Assert.False(read.Valid);
        Assert.InRange(read.Problems.Length, 100, 101);
    }

    [Fact]
    public void What_a_server_had_added_does_not_end_the_pod()
    {
        V1Pod pod = Manifest.Pod("""
            apiVersion: v1
            kind: Pod
            metadata: {name: p, resourceVersion: "7", deletionTimestamp: "2020-01-01T00:00:00Z", deletionGracePeriodSeconds: 0, managedFields: [{manager: x}], annotations: {kubernetes.io/config.mirror: abc}}
            spec: {containers: [{name: c, image: i}]}
            status: {phase: Failed}
            """);

        Assert.Null(pod.Metadata.DeletionTimestamp);
        Assert.Equal("Pending", pod.Status.Phase);
        Assert.DoesNotContain("kubernetes.io/config.mirror", pod.Metadata.Annotations.Keys);
    }
}
