using System.Collections.Immutable;
using k8s.Models;
using NativeKubelet.Core.Manifests;
using NativeKubelet.Core.Pods;
using NativeKubelet.Core.Resources;

namespace NativeKubelet.Core.Eviction;

/// <summary>What a pod may take of the node's disk: its emptyDir volumes by their sizeLimit, its containers by their limits of ephemeral storage.</summary>
/// <param name="EmptyDirs">In the order of the pod's volumes. One in memory is limited by its own file system.</param>
/// <param name="Pod">The sum of the containers' limits, for all that the pod has on disk; null: none of them has one.</param>
/// <param name="Containers">Of regular containers alone, as in the original.</param>
public sealed record LocalStorageLimits(
    ImmutableArray<KeyValuePair<string, Quantity>> EmptyDirs, Quantity? Pod, ImmutableArray<KeyValuePair<string, Quantity>> Containers)
{
    private const string Resource = "ephemeral-storage";
    private const int CriticalPriority = 2_000_000_000;

    /// <returns>Null: it has none, or is one of those that a node does not evict, as nobody would place them elsewhere.</returns>
    /// <exception cref="FormatException">A limit is not a quantity.</exception>
    public static LocalStorageLimits? Of(V1Pod pod)
    {
        if (!StaticPodIdentity.IsFromApi(pod) || pod.Spec.Priority >= CriticalPriority) return null;
        ImmutableArray<KeyValuePair<string, Quantity>> emptyDirs =
        [
            .. from volume in pod.Spec.Volumes ?? []
               where volume.EmptyDir is { SizeLimit: not null, Medium: null or "" }
               let limit = Quantity.Parse(volume.EmptyDir.SizeLimit.ToString())
               where limit.IsPositive
               select KeyValuePair.Create(volume.Name, limit),
        ];
        if (!HasLimit(pod.Spec)) return emptyDirs.IsEmpty ? null : new(emptyDirs, null, []);
        return new(
            emptyDirs,
            PodResources.Limits(pod.Spec)[Resource],
            [
                .. from container in pod.Spec.Containers
                   let limit = PodResources.LimitsOf(container)[Resource]
                   where limit.IsPositive
                   select KeyValuePair.Create(container.Name, limit),
            ]);
    }

    /// <returns>The first limit that is exceeded, in the order in which the original looks; null: none is.</returns>
    public PodFailure? Judge(LocalStorageUse use)
    {
        foreach ((string volume, Quantity limit) in EmptyDirs)
            if (Exceeds(use.EmptyDirs.GetValueOrDefault(volume), limit)) return PodFailure.Evicted("emptydirfs.limit", $"Usage of EmptyDir volume \"{volume}\" exceeds the limit \"{limit}\". ");
        if (Pod is { } most && Exceeds(use.Total, most)) return PodFailure.Evicted("ephemeralpodfs.limit", $"Pod ephemeral local storage usage exceeds the total limit of containers {most}. ");
        foreach ((string container, Quantity limit) in Containers)
            if (Exceeds(use.Containers.GetValueOrDefault(container), limit)) return PodFailure.Evicted("ephemeralcontainerfs.limit", $"Container {container} exceeded its local ephemeral storage limit \"{limit}\". ");
        return null;
    }

    /// <summary>Asked for each change of any pod, so before anything is parsed.</summary>
    private static bool HasLimit(V1PodSpec spec) => PodResources.AllContainers(spec).Any(c => c.Resources?.Limits?.ContainsKey(Resource) == true);

    private static bool Exceeds(long bytes, Quantity limit) => Quantity.FromWhole(bytes) > limit;
}
