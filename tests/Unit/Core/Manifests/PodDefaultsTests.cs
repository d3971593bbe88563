using System.Text;
using k8s.Models;
using NativeKubelet.Api.Kubernetes;
using NativeKubelet.Core.Manifests;

namespace NativeKubelet.Tests.Unit.Core.Manifests;

public sealed class PodDefaultsTests
{
    [Fact]
    public void A_bare_pod_gets_what_an_api_server_would_fill_in()
    {
        V1PodSpec spec = Manifest.Pod(Manifest.Yaml()).Spec;
        V1Container container = spec.Containers[0];

        Assert.Equal(("Always", "ClusterFirst", 30L, "default-scheduler", true),
            (spec.RestartPolicy, spec.DnsPolicy, spec.TerminationGracePeriodSeconds, spec.SchedulerName, spec.EnableServiceLinks));
        Assert.NotNull(spec.SecurityContext);
        Assert.Equal(("Always", "/dev/termination-log", "File"), (container.ImagePullPolicy, container.TerminationMessagePath, container.TerminationMessagePolicy));
    }

    [Theory]
    [InlineData("busybox", "Always")]
    [InlineData("busybox:latest", "Always")]
    [InlineData("busybox:1", "IfNotPresent")]
    [InlineData("host:5000/busybox", "Always")]
    [InlineData("host:5000/busybox:1", "IfNotPresent")]
    [InlineData("busybox@sha256:00", "IfNotPresent")]
    [InlineData("busybox:latest@sha256:00", "Always")]
    [InlineData("", "Always")]
    public void The_pull_policy_follows_tag_and_digest(string image, string policy) => Assert.Equal(policy, PodDefaults.PullPolicy(null, image));

    [Fact]
    public void Ports_of_the_host_network_are_host_ports()
    {
        V1ContainerPort port = Manifest.Pod(Manifest.Yaml("ports: [{containerPort: 80}]", "hostNetwork: true")).Spec.Containers[0].Ports[0];

        Assert.Equal((80, "TCP"), (port.HostPort, port.Protocol));
    }

    [Fact]
    public void Requests_are_copied_from_limits_and_rounded_up_to_thousandths()
    {
        V1ResourceRequirements resources = Manifest.Pod(Manifest.Yaml("resources: {limits: {cpu: 100100u, memory: 64Mi}, requests: {memory: 1Mi}}")).Spec.Containers[0].Resources;

        Assert.Equal(("101m", "101m", "1Mi"), (resources.Limits["cpu"].ToString(), resources.Requests["cpu"].ToString(), resources.Requests["memory"].ToString()));
    }

    [Fact]
    public void Probes_and_hooks_get_their_numbers_and_paths()
    {
        V1Container container = Manifest.Pod(Manifest.Yaml("livenessProbe: {httpGet: {port: 80}, timeoutSeconds: 0}\nlifecycle: {preStop: {httpGet: {port: web}}}")).Spec.Containers[0];
        V1Probe probe = container.LivenessProbe;

        Assert.Equal((1, 10, 1, 3), (probe.TimeoutSeconds, probe.PeriodSeconds, probe.SuccessThreshold, probe.FailureThreshold));
        Assert.Equal(("/", "HTTP", "/"), (probe.HttpGet.Path, probe.HttpGet.Scheme, container.Lifecycle.PreStop.HttpGet.Path));
    }

    [Fact]
    public void A_volume_without_a_source_is_an_emptyDir() =>
        Assert.NotNull(Manifest.Pod(Manifest.Yaml(spec: "volumes: [{name: v}]")).Spec.Volumes[0].EmptyDir);

    [Fact]
    public void Pod_level_requests_are_the_containers_sum_or_the_limit()
    {
        V1PodSpec spec = Manifest.Pod(Manifest.Yaml("resources: {requests: {cpu: 100m}}", "resources: {limits: {cpu: 1, memory: 1Gi}}")).Spec;

        Assert.Equal(("100m", "1Gi"), (spec.Resources.Requests["cpu"].ToString(), spec.Resources.Requests["memory"].ToString()));
    }

    [Fact]
    public void Applying_them_twice_changes_nothing()
    {
        V1Pod pod = Manifest.Pod(Manifest.Yaml(
            "resources: {limits: {cpu: 100100u}}\nports: [{containerPort: 1}]\nreadinessProbe: {grpc: {port: 1}}",
            "hostNetwork: true\nresources: {limits: {cpu: 1}}\nvolumes: [{name: a}, {name: b, hostPath: {path: /b}}, {name: c, downwardAPI: {items: []}}, {name: d, image: {reference: x}}]"));
        string once = Encoding.UTF8.GetString(KubernetesJson.Write(pod));

        PodDefaults.Apply(pod);

        Assert.Equal(once, Encoding.UTF8.GetString(KubernetesJson.Write(pod)));
    }
}
