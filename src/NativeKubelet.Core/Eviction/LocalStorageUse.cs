using System.Collections.Immutable;

namespace NativeKubelet.Core.Eviction;

/// <summary>What a pod takes of the disk by a measurement; a part that exceeds its limit is measured no further.</summary>
/// <param name="EmptyDirs">Bytes by volume.</param>
/// <param name="Containers">Bytes that count for one container, by its name.</param>
/// <param name="Total">Bytes of all that the pod has.</param>
public sealed record LocalStorageUse(ImmutableDictionary<string, long> EmptyDirs, ImmutableDictionary<string, long> Containers, long Total);
