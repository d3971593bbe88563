using System.Collections.Immutable;
using NativeKubelet.Core.Pods;

namespace NativeKubelet.Core.Containers;

/// <summary>Where a container's variables come from when the pod does not spell them out. Lookups are in the pod's namespace.</summary>
/// <param name="ConfigMap">The object's texts by key; null when there is no such object.</param>
/// <param name="Secret">As <paramref name="ConfigMap"/>; never logged.</param>
/// <param name="File">Volume and path inside it → the file's text; throws where it cannot be had.</param>
public sealed record EnvironmentSources(
    DownwardFacts Downward,
    Func<string, IReadOnlyDictionary<string, string>?> ConfigMap,
    Func<string, IReadOnlyDictionary<string, string>?> Secret,
    Func<string, string, string> File)
{
    /// <summary>What tells of services. Written values may refer to it, and what the pod declares itself comes first.</summary>
    public ImmutableArray<KeyValuePair<string, string>> Services { get; init; } = [];
}
