using System.Text.Json.Nodes;
using k8s.Models;
using static NativeKubelet.Tests.ApiDouble.ObjectStore;

namespace NativeKubelet.Tests.ApiDouble;

/// <summary>What the API server makes of a new pod by other objects that it names: its RuntimeClass and its ServiceAccount.</summary>
internal static class PodAdmission
{
    public static void Apply(ObjectStore store, ApiRequest request, string name, JsonObject spec)
    {
        RuntimeClass(store, request, name, spec);
        PullSecrets(store, request, spec);
    }

    private static void RuntimeClass(ObjectStore store, ApiRequest request, string name, JsonObject spec)
    {
        string named = Text(spec["runtimeClassName"]);
        JsonObject? known = named.Length == 0 ? null : store.Find(ResourceKind.Find("node.k8s.io", "v1", "runtimeclasses")!, "", named);
        if (named.Length > 0 && known is null) throw ApiException.Rejected(request, name, $"pod rejected: RuntimeClass \"{named}\" not found");
        JsonObject? given = spec["overhead"] as JsonObject;
        if (known?["overhead"]?["podFixed"] is not JsonObject own)
        {
            if (given is not null) throw ApiException.Rejected(request, name, "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead");
            return;
        }
        if (given is { Count: > 0 } && !Same(given, own)) throw ApiException.Rejected(request, name, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead");
        spec["overhead"] = own.DeepClone();
    }

    /// <summary>A node never reads an account for its pull secrets: they are in the pod.</summary>
    private static void PullSecrets(ObjectStore store, ApiRequest request, JsonObject spec)
    {
        if (spec["imagePullSecrets"] is JsonArray { Count: > 0 }) return;
        JsonObject? account = store.Find(ResourceKind.Find("", "v1", "serviceaccounts")!, request.Namespace, Text(spec["serviceAccountName"]));
        if (account?["imagePullSecrets"] is JsonArray secrets) spec["imagePullSecrets"] = secrets.DeepClone();
    }

    private static bool Same(JsonObject one, JsonObject other) =>
        one.Count == other.Count && one.All(a => other[a.Key] is { } b && new ResourceQuantity(Text(a.Value)).ToDecimal() == new ResourceQuantity(Text(b)).ToDecimal());
}
