using System.Globalization;
using System.Text;
using k8s.Models;
using NativeKubelet.Core.Resize;
using NativeKubelet.Core.Resources;

namespace NativeKubelet.Core.Pods;

/// <summary>
/// The CPU and memory that a pod was granted. Its spec may ask for something else since: that is a resize, which is granted later
/// or never, and until then the pod is run, counted and told of as if it asked for this.
/// </summary>
/// <param name="Pod">What the pod itself sets.</param>
/// <param name="Containers">Init containers in their order, then the others in theirs.</param>
public sealed record PodAllocation(ResizableAmounts Pod, ValueList<ContainerAllocation> Containers)
{
    private const string PodLine = "pod", ContainerLine = "container", Unset = "-";

    /// <summary>All that a pod asks for.</summary>
    /// <exception cref="FormatException">An amount is not a quantity.</exception>
    public static PodAllocation Of(V1PodSpec spec) => new(
        ResizableAmounts.Of(spec.Resources),
        PodResources.AllContainers(spec).Select(c => new ContainerAllocation(c.Name, ResizableAmounts.Of(c.Resources))).ToValueList());

    /// <summary>The pod as if it asked for what it was granted; the pod itself where it does.</summary>
    public V1Pod Apply(V1Pod pod)
    {
        if (Of(pod.Spec) == this) return pod;
        return pod with
        {
            Spec = pod.Spec with
            {
                Resources = Pod == ResizableAmounts.Of(pod.Spec.Resources) ? pod.Spec.Resources : With(pod.Spec.Resources, Pod),
                Containers = [.. pod.Spec.Containers.Select(Apply)],
                InitContainers = pod.Spec.InitContainers is { } init ? [.. init.Select(Apply)] : null,
            },
        };
    }

    /// <summary>Resources with other amounts of CPU and memory; what stays the same keeps its notation.</summary>
    public static V1ResourceRequirements With(V1ResourceRequirements? resources, ResizableAmounts amounts)
    {
        ResizableAmounts before = ResizableAmounts.Of(resources);
        V1ResourceRequirements result = resources is null ? new() : resources with { };
        result.Requests = With(With(result.Requests, "cpu", before.CpuRequest, amounts.CpuRequest), "memory", before.MemoryRequest, amounts.MemoryRequest);
        result.Limits = With(With(result.Limits, "cpu", before.CpuLimit, amounts.CpuLimit), "memory", before.MemoryLimit, amounts.MemoryLimit);
        return result;
    }

    /// <summary>As lines, to be kept.</summary>
    public string Format()
    {
        StringBuilder text = new();
        text.Append(PodLine).Append(Amounts(Pod)).Append('\n');
        foreach (ContainerAllocation container in Containers) text.Append(ContainerLine).Append(' ').Append(container.Name).Append(Amounts(container.Amounts)).Append('\n');
        return text.ToString();
    }

    /// <returns>Null for anything but a whole text of <see cref="Format"/>.</returns>
    public static PodAllocation? TryParse(string? text)
    {
        if (text is not [.., '\n']) return null;
        ResizableAmounts? pod = null;
        List<ContainerAllocation> containers = [];
        foreach (string line in text[..^1].Split('\n'))
        {
            string[] words = line.Split(' ');
            if (words is [PodLine, ..] && pod is null && TryAmounts(words.AsSpan(1), out ResizableAmounts own)) pod = own;
            else if (words is [ContainerLine, { Length: > 0 } name, ..] && pod is not null && TryAmounts(words.AsSpan(2), out ResizableAmounts its)) containers.Add(new(name, its));
            else return null;
        }
        return pod is null ? null : new(pod, containers.ToValueList());
    }

    private V1Container Apply(V1Container container) =>
        Containers.FirstOrDefault(c => c.Name == container.Name) is { } granted && granted.Amounts != ResizableAmounts.Of(container.Resources)
            ? container with { Resources = With(container.Resources, granted.Amounts) } : container;

    private static IDictionary<string, ResourceQuantity>? With(IDictionary<string, ResourceQuantity>? amounts, string name, long? before, long? after)
    {
        if (before == after) return amounts;
        Dictionary<string, ResourceQuantity> changed = new(amounts ?? new Dictionary<string, ResourceQuantity>());
        changed.Remove(name);
        if (after is { } amount)
            changed[name] = new((name == "cpu" ? Quantity.FromMilli(amount) : Quantity.FromWhole(amount, QuantityFormat.BinarySi)).ToString());
        return changed.Count == 0 ? null : changed;
    }

    private static string Amounts(ResizableAmounts amounts)
    {
        StringBuilder text = new();
        foreach (long? amount in (long?[])[amounts.CpuRequest, amounts.CpuLimit, amounts.MemoryRequest, amounts.MemoryLimit])
            text.Append(' ').Append(amount?.ToString(CultureInfo.InvariantCulture) ?? Unset);
        return text.ToString();
    }

    private static bool TryAmounts(ReadOnlySpan<string> words, out ResizableAmounts amounts)
    {
        amounts = ResizableAmounts.None;
        if (words.Length != 4) return false;
        long?[] values = new long?[4];
        for (int i = 0; i < values.Length; i++)
        {
            if (words[i] == Unset) continue;
            if (!long.TryParse(words[i], NumberStyles.None, CultureInfo.InvariantCulture, out long value)) return false;
            values[i] = value;
        }
        amounts = new(values[0], values[1], values[2], values[3]);
        return true;
    }
}

/// <summary>One container's part of what its pod was granted.</summary>
public sealed record ContainerAllocation(string Name, ResizableAmounts Amounts);
