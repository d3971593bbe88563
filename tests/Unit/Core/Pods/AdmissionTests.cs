using k8s.Models;
using NativeKubelet.Core.Pods;

namespace NativeKubelet.Tests.Unit.Core.Pods;

public sealed class AdmissionTests
{
    private static readonly NodeFacts Node = new("node", new Dictionary<string, string> { ["kubernetes.io/os"] = "linux", ["cores"] = "4" });

    [Fact]
    public void An_ordinary_pod_is_admitted() => Assert.Null(Check(A.Pod()));

    [Fact]
    public void A_pod_for_another_system_is_refused()
    {
        V1Pod pod = A.Pod();
        pod.Spec.Os = new V1PodOS { Name = "windows" };

        Assert.Equal("PodOSNotSupported", Check(pod)?.Reason);
    }

    [Fact]
    public void A_shortage_is_told_before_a_wrong_node()
    {
        V1Pod pod = A.Pod();
        pod.Spec.NodeName = "other";

        Assert.Equal("OutOfcpu", Admission.Check(pod, [], Node, (_, _) => new("OutOfcpu", "Node didn't have enough resource: cpu"))?.Reason);
        Assert.Equal(new("NodeName", "Predicate NodeName failed: node(s) didn't match the requested node name"), Check(pod));
    }

    [Theory]
    [InlineData("", "", true)]
    [InlineData("0.0.0.0", "10.0.0.1", true)]
    [InlineData("10.0.0.2", "10.0.0.1", false)]
    [InlineData("10.0.0.1", "10.0.0.1", true)]
    public void A_host_port_in_use_refuses_the_pod_where_addresses_overlap(string mine, string theirs, bool clash)
    {
        AdmissionRefusal? refusal = Check(WithPort(mine, 8080), WithPort(theirs, 8080));

        Assert.Equal(clash ? "NodePorts" : null, refusal?.Reason);
    }

    [Fact]
    public void The_same_number_in_another_protocol_is_free() =>
        Assert.Null(Check(WithPort("", 53), WithPort("", 53, "UDP")));

    [Fact]
    public void A_taint_is_told_after_a_port_in_use_and_before_AppArmor()
    {
        NodeFacts tainted = Node with { Taints = [new V1Taint { Key = "gone", Effect = "NoExecute" }] };
        V1Pod pod = WithPort("", 8080);
        pod.Spec.SecurityContext = new V1PodSecurityContext { AppArmorProfile = new V1AppArmorProfile { Type = "RuntimeDefault" } };

        Assert.Equal("NodePorts", Admission.Check(pod, [WithPort("", 8080)], tainted, (_, _) => null)?.Reason);
        Assert.Equal(new("TaintToleration", "Predicate TaintToleration failed: node(s) had taints that the pod didn't tolerate"), Admission.Check(pod, [], tainted, (_, _) => null));
        Assert.Equal("AppArmor", Check(pod)?.Reason);
    }

    [Fact]
    public void A_rule_that_restarts_all_needs_a_node_that_has_the_feature()
    {
        V1Pod pod = A.Pod();
        pod.Spec.Containers[0].RestartPolicyRules = [new V1ContainerRestartRule { Action = "RestartAllContainers" }];

        Assert.Equal(new("PodFeatureUnsupported", "Pod requires node features that are not available: RestartAllContainersOnContainerExits"), Check(pod));
        Assert.Null(Admission.Check(pod, [], Node with { Features = [NodeFacts.RestartAllContainers] }, (_, _) => null));
    }

    [Fact]
    public void A_static_pod_is_not_asked_what_it_tolerates()
    {
        NodeFacts tainted = Node with { Taints = [new V1Taint { Key = "gone", Effect = "NoExecute" }] };
        V1Pod pod = A.Pod();
        pod.Metadata.Annotations = new Dictionary<string, string> { ["kubernetes.io/config.source"] = "file" };

        Assert.Null(Admission.Check(pod, [], tainted, (_, _) => null));
        pod.Metadata.Annotations["kubernetes.io/config.source"] = "api";
        Assert.Equal("TaintToleration", Admission.Check(pod, [], tainted, (_, _) => null)?.Reason);
    }

    [Theory]
    [InlineData("In", "4", true)]
    [InlineData("In", "5", false)]
    [InlineData("NotIn", "4", false)]
    [InlineData("Gt", "3", true)]
    [InlineData("Gt", "4", false)]
    [InlineData("Lt", "x", false)]
    public void Required_affinity_is_checked_against_the_nodes_labels(string op, string value, bool matches)
    {
        V1Pod pod = A.Pod();
        pod.Spec.Affinity = new V1Affinity
        {
            NodeAffinity = new V1NodeAffinity
            {
                RequiredDuringSchedulingIgnoredDuringExecution = new V1NodeSelector
                {
                    NodeSelectorTerms = [new V1NodeSelectorTerm { MatchExpressions = [new V1NodeSelectorRequirement { Key = "cores", OperatorProperty = op, Values = [value] }] }],
                },
            },
        };

        Assert.Equal(matches ? null : "NodeAffinity", Check(pod)?.Reason);
    }

    private static AdmissionRefusal? Check(V1Pod pod, params V1Pod[] others) => Admission.Check(pod, others, Node, (_, _) => null);

    private static V1Pod WithPort(string address, int port, string protocol = "TCP")
    {
        V1Pod pod = A.Pod();
        pod.Spec.Containers[0].Ports = [new V1ContainerPort { HostPort = port, ContainerPort = 80, HostIP = address, Protocol = protocol }];
        return pod;
    }
}
