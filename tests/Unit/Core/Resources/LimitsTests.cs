using k8s.Models;
using NativeKubelet.Api.Oci;
using NativeKubelet.Core.Resources;

namespace NativeKubelet.Tests.Unit.Core.Resources;

public sealed class LimitsTests
{
    private const long Machine = 8L << 30;

    private static readonly LimitSettings V2 = new(Machine, CgroupV2: true, ["2MB"], SwapAccounted: true);

    [Theory]
    [InlineData(2, 1, 1)]
    [InlineData(51, 2, 11)]
    [InlineData(102, 4, 17)]
    [InlineData(256, 10, 35)]
    [InlineData(512, 20, 59)]
    [InlineData(1024, 39, 100)]
    [InlineData(2048, 79, 174)]
    [InlineData(4096, 157, 303)]
    [InlineData(16384, 625, 942)]
    [InlineData(65536, 2500, 3023)]
    public void Shares_become_weights_as_the_kubelet_and_runc_compute_them(long shares, long linear, long quadratic)
    {
        Assert.Equal(linear, CpuConversions.LinearWeight(shares));
        Assert.Equal(quadratic, CpuConversions.QuadraticWeight(shares));
    }

    [Fact]
    public void The_worked_example_gets_its_values()
    {
        V1Pod pod = Pod(Container("c", "250m", "64Mi", "500m", "128Mi"));

        GroupLimits group = PodCgroupLimits.Compute(pod, V2);
        RuntimeResources container = ContainerLimits.Compute(pod, pod.Spec.Containers[0], V2);

        Assert.Equal(QosClass.Burstable, QosClasses.Of(pod));
        Assert.Equal((256, 50_000, 100_000, 134_217_728), (group.CpuShares, group.CpuQuota, group.CpuPeriod, group.Memory));
        Assert.Equal(0, group.Hugepages!["2MB"]);
        Assert.Equal(new RuntimeCpu(256, 50_000, 100_000), container.Cpu);
        Assert.Equal(134_217_728, container.Memory!.Limit);
        Assert.Equal("35", container.Unified!["cpu.weight"]);
        Assert.Equal("1", container.Unified["memory.oom.group"]);
        Assert.Equal("0", container.Unified["memory.swap.max"]);
        Assert.Equal(993, OomScore.Of(pod, pod.Spec.Containers[0], Machine));
    }

    [Fact]
    public void On_version_1_memory_and_swap_together_get_the_memory_limit()
    {
        V1Pod pod = Pod(Container("c", "250m", "64Mi", "500m", "128Mi"));

        RuntimeResources container = ContainerLimits.Compute(pod, pod.Spec.Containers[0], V2 with { CgroupV2 = false });

        Assert.Equal(new RuntimeMemory(134_217_728, 134_217_728), container.Memory);
        Assert.Null(container.Unified);
    }

    [Fact]
    public void One_container_without_a_limit_leaves_the_pod_without_one()
    {
        GroupLimits group = PodCgroupLimits.Compute(Pod(Container("a", "1", "1Gi", "1", "1Gi"), Container("b", "1", null, null, null)), V2);

        Assert.Equal(2048, group.CpuShares);
        Assert.Null(group.CpuQuota);
        Assert.Null(group.Memory);
    }

    [Fact]
    public void Limits_alone_make_a_guaranteed_pod()
    {
        V1Pod pod = Pod(Container("c", null, null, "1", "1Gi"));

        Assert.Equal(QosClass.Guaranteed, QosClasses.Of(pod));
        Assert.Equal(-997, OomScore.Of(pod, pod.Spec.Containers[0], Machine));
    }

    [Fact]
    public void A_pod_that_asks_for_nothing_is_best_effort()
    {
        V1Pod pod = Pod(Container("c", null, null, null, null));

        Assert.Equal(QosClass.BestEffort, QosClasses.Of(pod));
        Assert.Equal(1000, OomScore.Of(pod, pod.Spec.Containers[0], Machine));
        Assert.Equal(2, PodCgroupLimits.Compute(pod, V2).CpuShares);
    }

    [Fact]
    public void A_sidecar_counts_beside_containers_and_later_init_containers()
    {
        V1Pod pod = Pod(Container("app", "100m", null, null, null));
        V1Container sidecar = Container("side", "50m", null, null, null);
        sidecar.RestartPolicy = "Always";
        pod.Spec.InitContainers = [Container("first", "120m", null, null, null), sidecar, Container("last", "130m", null, null, null)];

        Assert.Equal(180, PodResources.Requests(pod.Spec)["cpu"].Milli);
    }

    [Fact]
    public void Huge_pages_that_cannot_be_limited_are_refused()
    {
        V1Pod pod = Pod(Container("c", null, null, "1", "1Gi"));
        pod.Spec.Containers[0].Resources.Limits["hugepages-1Gi"] = new ResourceQuantity("1Gi");

        FormatException error = Assert.Throws<FormatException>(() => ContainerLimits.Compute(pod, pod.Spec.Containers[0], V2));
        Assert.Contains("hugepages-1Gi", error.Message);
    }

    [Fact]
    public void A_pod_too_many_is_refused_in_the_kubelets_words()
    {
        ResourceAmounts capacity = ResourceAmounts.None.With("cpu", Quantity.Parse("2")).With("memory", Quantity.Parse("4Gi")).With("pods", Quantity.Parse("3"));
        NodeAllocatable node = NodeAllocatable.Compute(capacity, ResourceAmounts.None, ResourceAmounts.None, ResourceAmounts.None);
        V1Pod running = Pod(Container("c", "1800m", null, null, null)), small = Pod(Container("c", "500m", null, null, null));

        Assert.Equal("Node didn't have enough resource: cpu, requested: 500, used: 1800, capacity: 2000", node.Fit(small, [running])!.Message);
        Assert.Equal("OutOfcpu", node.Fit(small, [running])!.Reason);
        Assert.Equal("OutOfpods", node.Fit(small, [small, small, small])!.Reason);
        Assert.Null(node.Fit(small, [small]));
    }

    private static V1Pod Pod(params V1Container[] containers) =>
        new() { Metadata = new V1ObjectMeta(), Spec = new V1PodSpec { Containers = [.. containers] } };

    private static V1Container Container(string name, string? cpu, string? memory, string? cpuLimit, string? memoryLimit) =>
        new() { Name = name, Resources = new V1ResourceRequirements { Requests = Amounts(cpu, memory), Limits = Amounts(cpuLimit, memoryLimit) } };

    private static Dictionary<string, ResourceQuantity> Amounts(string? cpu, string? memory)
    {
        Dictionary<string, ResourceQuantity> result = [];
        if (cpu is not null) result["cpu"] = new ResourceQuantity(cpu);
        if (memory is not null) result["memory"] = new ResourceQuantity(memory);
        return result;
    }
}
