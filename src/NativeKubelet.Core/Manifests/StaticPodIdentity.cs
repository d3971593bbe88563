using k8s.Models;

namespace NativeKubelet.Core.Manifests;

/// <summary>What makes a decoded pod this node's static pod (spec 30 §1.6). Applied to a fresh model that nobody else holds.</summary>
public static class StaticPodIdentity
{
    public const string SourceAnnotation = "kubernetes.io/config.source";
    public const string SeenAnnotation = "kubernetes.io/config.seen";
    public const string HashAnnotation = "kubernetes.io/config.hash";
    public const string MirrorAnnotation = "kubernetes.io/config.mirror";

    /// <summary>Static: it came from a file or URL, not from the API.</summary>
    public static bool IsStatic(V1Pod pod) =>
        pod.Metadata?.Annotations?.TryGetValue(SourceAnnotation, out string? source) == true && source != "api";

    /// <summary>It came from the API server, which has judged and completed it.</summary>
    public static bool IsFromApi(V1Pod pod) => pod.Metadata?.Annotations?.TryGetValue(SourceAnnotation, out string? source) == true && source == "api";

    /// <param name="uid">From StaticPodUid; used unless the manifest gives one itself.</param>
    public static void Apply(V1Pod pod, string uid, ManifestOrigin origin, DateTimeOffset now)
    {
        V1ObjectMeta metadata = pod.Metadata;
        metadata.Uid = string.IsNullOrEmpty(metadata.Uid) ? uid : metadata.Uid;
        metadata.Name = $"{metadata.Name}-{origin.NodeName.ToLowerInvariant()}";
        if (string.IsNullOrEmpty(metadata.NamespaceProperty)) metadata.NamespaceProperty = "default";
        metadata.Annotations = new Dictionary<string, string>(metadata.Annotations ?? new Dictionary<string, string>())
        {
            [SourceAnnotation] = origin.Source,
            [SeenAnnotation] = Seen(now),
            [HashAnnotation] = metadata.Uid,
        };
        metadata.Annotations.Remove(MirrorAnnotation);
        // Only a server gives these; a manifest exported from one would start as a pod that is being deleted.
        metadata.DeletionTimestamp = null;
        metadata.DeletionGracePeriodSeconds = null;
        metadata.ManagedFields = null;
        pod.Spec.NodeName = origin.NodeName;
        pod.Status = new V1PodStatus { Phase = "Pending" };
        if (origin.Source == ManifestOrigin.FileSource) TolerateNoExecute(pod.Spec);
    }

    /// <summary>RFC 3339 with nine digits, which .NET's hundred nanoseconds fill up with zeros.</summary>
    public static string Seen(DateTimeOffset now) => now.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fffffff'00Z'", System.Globalization.CultureInfo.InvariantCulture);

    private static void TolerateNoExecute(V1PodSpec spec)
    {
        if (spec.Tolerations?.Any(t => t is { OperatorProperty: "Exists", Effect: "NoExecute" } && string.IsNullOrEmpty(t.Key)) == true) return;
        spec.Tolerations = [.. spec.Tolerations ?? [], new V1Toleration { OperatorProperty = "Exists", Effect = "NoExecute" }];
    }
}
