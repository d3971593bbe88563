using k8s.Models;
using NativeKubelet.Core.Pods;
using NativeKubelet.Core.Resources;
using NativeKubelet.Tests.Unit.Core.Pods;

namespace NativeKubelet.Tests.Unit.Core.Resize;

/// <summary>Pods with one or more containers and their resources: "web 100m/200m 32Mi/64Mi", requests before limits, "-" for what is not set.</summary>
internal static class Resizable
{
    public const long Mi = 1 << 20;

    public static readonly LimitSettings V1 = new(8L << 30, CgroupV2: false, [], SwapAccounted: true);

    public static readonly LimitSettings V2 = V1 with { CgroupV2 = true };

    public static V1Pod Pod(params string[] containers)
    {
        V1Pod pod = A.Pod("Always", [.. containers.Select(c => c.Split(' ')[0])]);
        pod.Metadata.Generation = 2;
        foreach ((V1Container container, string text) in pod.Spec.Containers.Zip(containers)) container.Resources = Resources(text[(text.IndexOf(' ') + 1)..]);
        return pod;
    }

    public static V1ResourceRequirements Resources(string text)
    {
        string[] words = text.Split(' ', '/');
        return new() { Requests = List(words[0], words[2]), Limits = List(words[1], words[3]) };
    }

    /// <summary>A sandbox in which all of the pod's containers run with what the pod asks for.</summary>
    public static PodObserved Running(V1Pod pod) => PodObserved.Of(
        [A.Attempt(0, true, [.. pod.Spec.Containers.Select(c => A.Running(c.Name) with { Amounts = NativeKubelet.Core.Resize.ResizableAmounts.InForce(pod.Spec, c) })]) with { Granted = PodAllocation.Of(pod.Spec) }]);

    private static Dictionary<string, ResourceQuantity>? List(string cpu, string memory)
    {
        Dictionary<string, ResourceQuantity> list = [];
        if (cpu != "-") list["cpu"] = new(cpu);
        if (memory != "-") list["memory"] = new(memory);
        return list.Count == 0 ? null : list;
    }
}
