using System.Collections.Immutable;
using System.Text;
using k8s.Models;
using NativeKubelet.Core.Resources;

namespace NativeKubelet.Core.Containers.SELinux;

/// <summary>The levels of a pod's containers: its own, which they share, and those that some of them ask for.</summary>
public readonly record struct PodLevels(string Own, ImmutableArray<string> Asked)
{
    /// <param name="container">Of the pod, or added to it since.</param>
    /// <param name="known">What the pod has already: a pod keeps its level as long as it lives, as its volumes do.</param>
    /// <param name="others">Of the node's other pods.</param>
    /// <returns>Null when the pod needs a level of its own and all are taken.</returns>
    public static PodLevels? Of(V1Pod pod, V1Container container, PodLevels? known, IEnumerable<PodLevels> others)
    {
        ImmutableArray<string> asked =
            [.. PodResources.AllContainers(pod.Spec).Append(container).Select(c => c.SecurityContext?.SeLinuxOptions?.Level).OfType<string>().Where(SELinuxContext.IsLevel).Union(known?.Asked ?? [])];
        if (pod.Spec.SecurityContext?.SeLinuxOptions?.Level is { } own && SELinuxContext.IsLevel(own)) return new(own, asked);
        if (known is { } kept) return new(kept.Own, asked);
        // What somebody asked for is his to share, and nobody else's to get.
        HashSet<CategoryPair> taken = [.. others.SelectMany(o => o.Asked.Append(o.Own)).Concat(asked).Select(CategoryPair.TryParse).OfType<CategoryPair>()];
        return CategoryPair.Choose(pod.Metadata.Uid, taken) is { } pair ? new(pair.Level, asked) : null;
    }

    /// <summary>A level a line, the pod's own first.</summary>
    public byte[] ToText() => Encoding.UTF8.GetBytes(string.Concat(Asked.Prepend(Own).Select(level => level + "\n")));

    /// <returns>Null when the bytes are no levels.</returns>
    public static PodLevels? TryParse(ReadOnlySpan<byte> text)
    {
        string[] lines = Encoding.UTF8.GetString(text).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        return lines.Length > 0 && lines.All(SELinuxContext.IsLevel) ? new(lines[0], [.. lines[1..]]) : null;
    }
}
