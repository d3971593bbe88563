using NativeKubelet.Api.Local;

namespace NativeKubelet.Cli;

/// <summary>Which pod and container a person means by what was typed.</summary>
public static class PodChoice
{
    private const int MostCandidates = 8;

    /// <summary>
    /// NAME, NAMESPACE/NAME, or the beginning of a name if only one pod has it: static pods carry the node's name behind
    /// their own, which nobody wants to type.
    /// </summary>
    /// <param name="space">Null: any namespace; of equal names "default" has precedence.</param>
    /// <exception cref="VerbException">None, or more than one.</exception>
    public static PodDocument Pod(IReadOnlyList<PodDocument> pods, string typed, string? space)
    {
        string name = typed.StartsWith("pod/", StringComparison.Ordinal) && !pods.Any(p => p.Namespace == "pod") ? typed[4..] : typed;
        if (name.Split('/', 2) is [var before, var after]) (space, name) = (before, after);
        PodDocument[] near = [.. pods.Where(p => (space is null || p.Namespace == space) && p.Name.StartsWith(name, StringComparison.Ordinal))];
        PodDocument[] exact = [.. near.Where(p => p.Name == name)];
        if (exact.Length > 1 && exact.FirstOrDefault(p => p.Namespace == "default") is { } preferred) return preferred;
        return (exact.Length > 0 ? exact : near) switch
        {
            [var one] => one,
            [] => throw new VerbException($"no pod \"{typed}\"{(space is null ? "" : $" in namespace {space}")} on this node; 'nativekubelet ps' lists them"),
            var many => throw new VerbException($"\"{typed}\" may be {string.Join(" or ", many.Take(MostCandidates).Select(p => $"{p.Namespace}/{p.Name}"))}"
                + (many.Length > MostCandidates ? $" or {many.Length - MostCandidates} others" : "") + "; type more of it"),
        };
    }

    /// <param name="named">By -c; null: the pod's default container, else its first.</param>
    /// <param name="note">What to tell the user of a choice that was made for him; null when there was none.</param>
    /// <exception cref="VerbException">There is no such container.</exception>
    public static ContainerDocument Container(PodDocument pod, string? named, out string? note)
    {
        note = null;
        string all = string.Join(", ", pod.Containers.Select(c => c.Name));
        if (named is not null)
            return pod.Find(named) ?? throw new VerbException($"container {named} is not valid for pod {pod.Name}; it has: {all}"
                + (pod.InitContainers.Count > 0 ? $" and, before them, {string.Join(", ", pod.InitContainers.Select(c => c.Name))}" : "")
                + (pod.EphemeralContainers.Count > 0 ? $" and, for debugging, {string.Join(", ", pod.EphemeralContainers.Select(c => c.Name))}" : ""));
        if (pod.Containers.FirstOrDefault(c => c.Name == pod.DefaultContainer) is { } marked) return marked;
        if (pod.Containers is not [var first, ..]) throw new VerbException($"pod {pod.Name} has no containers");
        if (pod.Containers.Count > 1) note = $"Defaulted container \"{first.Name}\" out of: {all}";
        return first;
    }
}
