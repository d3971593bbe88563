using k8s.Models;

namespace NativeKubelet.Core.Resources;

/// <summary>oom_score_adj: whom the kernel kills first when the machine runs out of memory (spec 40 §1).</summary>
public static class OomScore
{
    public const int Kubelet = -999, Sandbox = -998, Guaranteed = -997, BestEffort = 1000;

    /// <param name="memoryCapacity">MemTotal of the machine in bytes.</param>
    public static int Of(V1Pod pod, V1Container container, long memoryCapacity)
    {
        V1PodSpec spec = pod.Spec;
        if (spec.PriorityClassName == "system-node-critical") return Guaranteed;
        switch (QosClasses.Of(pod))
        {
            case QosClass.Guaranteed: return Guaranteed;
            case QosClass.BestEffort: return BestEffort;
        }

        long share = PodLevelShare(spec);
        int own = Burstable(MemoryRequest(container) + share, memoryCapacity);
        bool sidecar = PodResources.IsSidecar(container) && (spec.InitContainers ?? []).Any(c => c.Name == container.Name);
        if (!sidecar || spec.Containers is not { Count: > 0 } regular) return own;
        // A sidecar must not die before the containers that it serves.
        return Math.Min(own, Burstable(regular.Min(MemoryRequest) + share, memoryCapacity));
    }

    private static long MemoryRequest(V1Container container) => PodResources.RequestsOf(container)["memory"].Whole;

    /// <summary>What the pod's own request leaves above its containers' requests, divided among them.</summary>
    private static long PodLevelShare(V1PodSpec spec)
    {
        if (PodResources.PodLevelRequest(spec, "memory") is not { } podRequest) return 0;
        List<V1Container> lasting = [.. spec.Containers ?? [], .. (spec.InitContainers ?? []).Where(PodResources.IsSidecar)];
        return lasting.Count == 0 ? 0 : Math.Max(0, podRequest.Whole - lasting.Sum(MemoryRequest)) / lasting.Count;
    }

    private static int Burstable(long request, long capacity)
    {
        if (capacity <= 0) return 999;
        long score = (long)(1000 - (Int128)1000 * request / capacity);
        return (int)Math.Clamp(score, 3, 999);
    }
}
