using k8s.Models;

namespace NativeKubelet.Core.Resize;

/// <summary>resizePolicy of a container: does a change of a resource restart it? By default it does not.</summary>
public static class ResizePolicy
{
    public static bool Restarts(V1Container container, string resource) =>
        (container.ResizePolicy ?? []).FirstOrDefault(p => p.ResourceName == resource)?.RestartPolicy == "RestartContainer";

    /// <summary>From what it runs with to what it is granted.</summary>
    public static bool Restarts(V1Container container, ResizableAmounts from, ResizableAmounts to) =>
        !from.SameCpu(to) && Restarts(container, "cpu") || !from.SameMemory(to) && Restarts(container, "memory");
}
