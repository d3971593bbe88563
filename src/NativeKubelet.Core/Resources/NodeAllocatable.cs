using k8s.Models;
using NativeKubelet.Core.Pods;

namespace NativeKubelet.Core.Resources;

/// <summary>What the node has, and what of it pods may use (spec 40 §6).</summary>
/// <param name="Capacity">cpu, memory, pods, ephemeral-storage, hugepages-SIZE.</param>
public sealed record NodeAllocatable(ResourceAmounts Capacity, ResourceAmounts Allocatable)
{
    /// <param name="evictionHard">Bytes kept free, by resource: memory and ephemeral-storage.</param>
    /// <exception cref="ArgumentException">More is reserved than there is; the message names the resource.</exception>
    public static NodeAllocatable Compute(
        ResourceAmounts capacity, ResourceAmounts kubeReserved, ResourceAmounts systemReserved, ResourceAmounts evictionHard)
    {
        ResourceAmounts reserved = kubeReserved.Plus(systemReserved).Plus(evictionHard), allocatable = capacity;
        foreach ((string name, Quantity has) in capacity.ByName)
        {
            if (reserved[name] > has) throw new ArgumentException($"reserved {name} {reserved[name]} exceeds the capacity {has}; lower kubeReserved, systemReserved or evictionHard");
            allocatable = allocatable.With(name, has - reserved[name]);
        }
        Quantity memory = allocatable["memory"];
        foreach ((string name, Quantity pages) in capacity.ByName)
            if (PodResources.IsHugepage(name)) memory -= pages;
        if (capacity.Has("memory")) allocatable = allocatable.With("memory", Quantity.Max(memory, default));
        return new(capacity, allocatable);
    }

    /// <summary>Does the pod fit beside the others? The first resource that does not is the refusal.</summary>
    public AdmissionRefusal? Fit(V1Pod pod, IReadOnlyCollection<V1Pod> others)
    {
        if (Allocatable.Has("pods") && others.Count + 1 > Allocatable["pods"].Whole)
            return Refuse("pods", 1, others.Count, Allocatable["pods"].Whole);
        ResourceAmounts wanted = PodResources.Requests(pod.Spec);
        ResourceAmounts used = others.Aggregate(ResourceAmounts.None, (sum, other) => sum.Plus(PodResources.Requests(other.Spec)));
        // cpu and memory first, as the scheduler's own check does; what the node does not know at all is not counted.
        foreach (string name in wanted.ByName.Keys.OrderBy(Order).ThenBy(n => n, StringComparer.Ordinal))
        {
            if (!wanted[name].IsPositive || !Allocatable.Has(name) || used[name] + wanted[name] <= Allocatable[name]) continue;
            return name == "cpu"
                ? Refuse(name, wanted[name].Milli, used[name].Milli, Allocatable[name].Milli)
                : Refuse(name, wanted[name].Whole, used[name].Whole, Allocatable[name].Whole);
        }
        return null;
    }

    private static int Order(string name) => name switch { "cpu" => 0, "memory" => 1, "ephemeral-storage" => 2, _ => 3 };

    private static AdmissionRefusal Refuse(string name, long requested, long used, long capacity) =>
        new($"OutOf{name}", $"Node didn't have enough resource: {name}, requested: {requested}, used: {used}, capacity: {capacity}");
}
