using System.Collections.Immutable;
using k8s.Models;

namespace NativeKubelet.Tests.ApiDouble;

/// <summary>One kind of object that the server keeps, or answers without keeping it.</summary>
/// <param name="Group">Empty for the core group.</param>
/// <param name="Model">The published shape; fields that it lacks are unknown.</param>
public sealed record ResourceKind(string Group, string Version, string Plural, string Kind, bool Namespaced, Type Model)
{
    public ImmutableArray<string> ShortNames { get; init; } = [];

    public ImmutableArray<string> SubResources { get; init; } = [];

    /// <summary>False for questions that are answered at once (reviews).</summary>
    public bool Stored { get; init; } = true;

    public string ApiVersion => Group.Length == 0 ? Version : $"{Group}/{Version}";

    /// <summary>How error texts name it: <c>pods</c>, <c>leases.coordination.k8s.io</c>.</summary>
    public string FullName => Group.Length == 0 ? Plural : $"{Plural}.{Group}";

    public static ImmutableArray<ResourceKind> All { get; } =
    [
        Core("pods", "Pod", true, typeof(V1Pod)) with { ShortNames = ["po"], SubResources = ["status", "binding", "eviction", "log", "exec", "attach", "portforward", "ephemeralcontainers", "resize"] },
        Core("nodes", "Node", false, typeof(V1Node)) with { ShortNames = ["no"], SubResources = ["status", "proxy"] },
        Core("namespaces", "Namespace", false, typeof(V1Namespace)) with { ShortNames = ["ns"], SubResources = ["status"] },
        Core("configmaps", "ConfigMap", true, typeof(V1ConfigMap)) with { ShortNames = ["cm"] },
        Core("secrets", "Secret", true, typeof(V1Secret)),
        Core("services", "Service", true, typeof(V1Service)) with { ShortNames = ["svc"], SubResources = ["status"] },
        Core("serviceaccounts", "ServiceAccount", true, typeof(V1ServiceAccount)) with { ShortNames = ["sa"], SubResources = ["token"] },
        Core("events", "Event", true, typeof(Corev1Event)) with { ShortNames = ["ev"] },
        Core("persistentvolumes", "PersistentVolume", false, typeof(V1PersistentVolume)) with { ShortNames = ["pv"], SubResources = ["status"] },
        Core("persistentvolumeclaims", "PersistentVolumeClaim", true, typeof(V1PersistentVolumeClaim)) with { ShortNames = ["pvc"], SubResources = ["status"] },
        new("coordination.k8s.io", "v1", "leases", "Lease", true, typeof(V1Lease)),
        new("certificates.k8s.io", "v1", "certificatesigningrequests", "CertificateSigningRequest", false, typeof(V1CertificateSigningRequest)) { ShortNames = ["csr"], SubResources = ["status", "approval"] },
        new("node.k8s.io", "v1", "runtimeclasses", "RuntimeClass", false, typeof(V1RuntimeClass)),
        new("storage.k8s.io", "v1", "csidrivers", "CSIDriver", false, typeof(V1CSIDriver)),
        new("storage.k8s.io", "v1", "csinodes", "CSINode", false, typeof(V1CSINode)),
        new("storage.k8s.io", "v1", "volumeattachments", "VolumeAttachment", false, typeof(V1VolumeAttachment)) { SubResources = ["status"] },
        new("authentication.k8s.io", "v1", "tokenreviews", "TokenReview", false, typeof(V1TokenReview)) { Stored = false },
        new("authorization.k8s.io", "v1", "subjectaccessreviews", "SubjectAccessReview", false, typeof(V1SubjectAccessReview)) { Stored = false },
    ];

    public static ResourceKind? Find(string group, string version, string plural) =>
        All.FirstOrDefault(k => k.Group == group && k.Version == version && k.Plural == plural);

    private static ResourceKind Core(string plural, string kind, bool namespaced, Type model) => new("", "v1", plural, kind, namespaced, model);
}
