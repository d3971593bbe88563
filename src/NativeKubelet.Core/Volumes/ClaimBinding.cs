using k8s.Models;
using NativeKubelet.Core.Objects;
using NativeKubelet.Core.Pods;
using NativeKubelet.Core.Resources;

namespace NativeKubelet.Core.Volumes;

/// <summary>What serves a claim.</summary>
/// <param name="Volume">Null: a directory of the node's own, made for this claim.</param>
public sealed record ClaimChoice(V1PersistentVolume? Volume)
{
    public static ClaimChoice OwnDirectory { get; } = new((V1PersistentVolume?)null);
}

/// <summary>
/// Finds what serves a claim on a node alone. An answer once given stays: whoever calls keeps it (see
/// <see cref="Choose"/>), as data that a pod has written must be there again tomorrow.
/// </summary>
public static class ClaimBinding
{
    /// <param name="kept">The volume that another time was chosen; empty: a directory was; null: nothing yet.</param>
    /// <param name="taken">Volumes that serve other claims.</param>
    /// <exception cref="VolumeContentException">Nothing serves it, and why.</exception>
    public static ClaimChoice Choose(V1PersistentVolumeClaim claim, NodeObjects objects, string? kept, IReadOnlySet<string> taken, NodeFacts node)
    {
        string name = $"persistentvolumeclaim \"{claim.Metadata.Name}\"";
        if (!string.IsNullOrEmpty(claim.Spec.VolumeName))
        {
            V1PersistentVolume named = objects.Volume(claim.Spec.VolumeName) ?? throw new VolumeContentException($"{ObjectKey.Volume(claim.Spec.VolumeName).Word} not found, which {name} names");
            return Fault(claim, named, node) is { } fault ? throw new VolumeContentException($"{name}: volume \"{named.Metadata.Name}\" {fault}") : new(named);
        }
        if (kept is { Length: > 0 })
        {
            V1PersistentVolume bound = objects.Volume(kept) ?? throw new VolumeContentException($"{name} is bound to the volume \"{kept}\", which is not defined any more");
            return Fault(claim, bound, node) is { } fault ? throw new VolumeContentException($"{name}: volume \"{kept}\" {fault}") : new(bound);
        }
        if (kept is not null) return ClaimChoice.OwnDirectory;

        List<V1PersistentVolume> fitting = [.. objects.Volumes.Where(v => !taken.Contains(v.Metadata.Name) && Fault(claim, v, node) is null)];
        // The one that was made for this claim, else the smallest that is enough.
        V1PersistentVolume? chosen = fitting.OrderBy(v => v.Spec.ClaimRef is null ? 1 : 0).ThenBy(Size).ThenBy(v => v.Metadata.Name, StringComparer.Ordinal).FirstOrDefault();
        if (chosen is not null) return new(chosen);
        if (claim.Spec.VolumeMode == "Block") throw new VolumeContentException($"no PersistentVolume fits the block claim {name}; define one with volumeMode Block and a local path");
        if (claim.Spec.StorageClassName == "" || objects.Volumes.Any(v => v.Spec.StorageClassName == claim.Spec.StorageClassName && !string.IsNullOrEmpty(claim.Spec.StorageClassName)))
            throw new VolumeContentException($"no PersistentVolume fits {name}; define one, or leave out storageClassName to be given a directory");
        return ClaimChoice.OwnDirectory;
    }

    /// <returns>Why this volume does not serve this claim; null when it does.</returns>
    private static string? Fault(V1PersistentVolumeClaim claim, V1PersistentVolume volume, NodeFacts node)
    {
        V1PersistentVolumeSpec spec = volume.Spec;
        if (spec.ClaimRef is { } owner && (owner.Name != claim.Metadata.Name || (owner.NamespaceProperty ?? "default") != claim.Metadata.NamespaceProperty))
            return "is bound to another claim";
        if ((spec.StorageClassName ?? "") != (claim.Spec.StorageClassName ?? "")) return "is of another storage class";
        if (spec.VolumeMode != claim.Spec.VolumeMode) return $"has volumeMode {spec.VolumeMode}";
        if (!claim.Spec.AccessModes.All(spec.AccessModes.Contains)) return "does not have the access modes";
        if (Size(volume) < Quantity.Parse(claim.Spec.Resources.Requests["storage"].ToString())) return "is too small";
        if (claim.Spec.Selector is { } selector && !Matches(selector, volume.Metadata.Labels ?? new Dictionary<string, string>())) return "does not match the selector";
        if (!NodeAffinity.Matches(spec.NodeAffinity?.Required, node)) return "is not on this node (nodeAffinity)";
        return spec.Local is null && spec.HostPath is null ? "is of a kind that a node alone cannot mount" : null;
    }

    private static Quantity Size(V1PersistentVolume volume) => Quantity.Parse(volume.Spec.Capacity["storage"].ToString());

    private static bool Matches(V1LabelSelector selector, IDictionary<string, string> labels) =>
        (selector.MatchLabels ?? new Dictionary<string, string>()).All(want => labels.TryGetValue(want.Key, out string? value) && value == want.Value)
        && (selector.MatchExpressions ?? []).All(want =>
        {
            string? value = labels.TryGetValue(want.Key, out string? found) ? found : null;
            return want.OperatorProperty switch
            {
                "In" => value is not null && want.Values?.Contains(value) == true,
                "NotIn" => value is null || want.Values?.Contains(value) != true,
                "Exists" => value is not null,
                "DoesNotExist" => value is null,
                _ => false,
            };
        });
}
