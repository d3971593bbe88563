using System.Text.Json.Nodes;
using static NativeKubelet.Tests.ApiDouble.ObjectStore;

namespace NativeKubelet.Tests.ApiDouble;

/// <summary>Defaults, admission and deletion of single kinds, as far as nodes and kubectl can tell.</summary>
public sealed class KindRules(ObjectStore store, ApiAuthority authority, ApiSettings settings)
{
    private const string Mirror = "kubernetes.io/config.mirror";

    public void BeforeCreate(ApiRequest request, ApiUser user, JsonObject o)
    {
        switch (request.Kind.Plural)
        {
            case "pods": CreatePod(request, user, o); break;
            case "nodes" when user.Node is { } node && Text(Meta(o)["name"]) != node: throw ApiException.Forbidden(request, user, $"node \"{node}\" is not allowed to create another node");
            case "nodes": CreateNode(o); break;
            case "secrets": EncodeSecret(o); break;
            case "certificatesigningrequests": CreateSigningRequest(user, o); break;
            case "leases" when user.Node is { } holder && Text(Meta(o)["name"]) != holder: throw ApiException.Forbidden(request, user, "can only access node lease with the same name as the requesting node");
        }
    }

    public void BeforeChange(ApiRequest request, ApiUser user, JsonObject before, JsonObject after)
    {
        string name = request.Name;
        switch (request.Kind.Plural)
        {
            case "pods" when request.SubResource == "" && !SameButMutable(before, after):
                throw ApiException.Invalid(request.Kind, name, "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)");
            case "pods" when request.SubResource == "resize": PodResize.Check(request, before, after); break;
            case "pods" when request.SubResource == "status" && Text(Meta(before)["annotations"]?[Mirror]) != Text(Meta(after)["annotations"]?[Mirror]):
                throw ApiException.Invalid(request.Kind, name, "metadata.annotations: a mirror pod's annotation does not change");
            case "nodes" when user.Node is not null && request.SubResource == "" && !JsonNode.DeepEquals(before["spec"]?["taints"], after["spec"]?["taints"]):
                throw ApiException.Forbidden(request, user, $"node \"{user.Node}\" is not allowed to modify taints");
            case "certificatesigningrequests" when request.SubResource == "approval": Sign(after); break;
        }
    }

    /// <summary>What a deletion waits for before the object goes; 0: it goes at once.</summary>
    public long GraceOf(ApiRequest request, ApiUser user, JsonObject o, long? asked)
    {
        if (request.Kind.Plural != "pods") return 0;
        if (user.Node is { } node && Text(o["spec"]?["nodeName"]) != node) throw ApiException.Forbidden(request, user, "a node may only delete pods bound to itself");
        long grace = asked ?? o["spec"]?["terminationGracePeriodSeconds"]?.GetValue<long>() ?? 30;
        // Nobody runs a pod that is not bound, and nothing of an ended one is left to wait for.
        bool nobodys = Text(o["spec"]?["nodeName"]).Length == 0 || Text(o["status"]?["phase"]) is "Succeeded" or "Failed";
        return nobodys || Text(Meta(o)["annotations"]?[Mirror]).Length > 0 ? 0 : Math.Max(grace, 0);
    }

    private void CreatePod(ApiRequest request, ApiUser user, JsonObject pod)
    {
        JsonObject meta = Meta(pod);
        bool mirror = Text(meta["annotations"]?[Mirror]).Length > 0;
        if (user.Node is { } node)
        {
            if (!mirror) throw ApiException.Forbidden(request, user, $"pod does not have \"{Mirror}\" annotation, node \"{node}\" can only create mirror pods");
            if (Text(pod["spec"]?["nodeName"]) != node) throw ApiException.Forbidden(request, user, $"node \"{node}\" can only create pods with spec.nodeName set to itself");
            if (meta["ownerReferences"] is not JsonArray { Count: 1 } owners || Text(owners[0]!["kind"]) != "Node" || Text(owners[0]!["name"]) != node || owners[0]!["controller"]?.GetValue<bool>() != true)
                throw ApiException.Forbidden(request, user, $"node \"{node}\" can only create pods with an owner reference set to itself");
        }
        if (pod["spec"] is not JsonObject spec || spec["containers"] is not JsonArray { Count: > 0 })
            throw ApiException.Invalid(request.Kind, Text(meta["name"]), "spec.containers: Required value");
        PodCompletion.Apply(spec, mirror);
        if (!mirror) PodAdmission.Apply(store, request, Text(meta["name"]), spec);
        if (settings.AutoSchedule is { Length: > 0 } target && !mirror) Default(spec, "nodeName", target);
        meta["generation"] = 1L;
        pod["status"] = new JsonObject { ["phase"] = "Pending", ["qosClass"] = QosOf(spec) };
    }

    /// <summary>stringData is for writers only: what is kept and read is data.</summary>
    private static void EncodeSecret(JsonObject secret)
    {
        if (secret["stringData"] is not JsonObject plain) return;
        secret.Remove("stringData");
        if (secret["data"] is not JsonObject data) secret["data"] = data = [];
        foreach ((string key, JsonNode? text) in plain) data[key] = Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes(Text(text)));
    }

    private static void CreateNode(JsonObject node)
    {
        if (node["spec"] is not JsonObject) node["spec"] = new JsonObject();
        JsonArray taints = node["spec"]!["taints"] as JsonArray ?? [];
        if (taints.All(t => Text(t!["key"]) != "node.kubernetes.io/not-ready"))
            node["spec"]!["taints"] = new JsonArray([.. taints.Select(t => t!.DeepClone()), new JsonObject { ["key"] = "node.kubernetes.io/not-ready", ["effect"] = "NoSchedule" }]);
    }

    private void CreateSigningRequest(ApiUser user, JsonObject csr)
    {
        JsonObject spec = csr["spec"] as JsonObject ?? throw ApiException.Invalid(ResourceKind.All.First(k => k.Kind == "CertificateSigningRequest"), "", "spec: Required value");
        spec["username"] = user.Name;
        spec["groups"] = new JsonArray([.. user.Groups.Select(g => (JsonNode)g)]);
        csr["status"] = new JsonObject();
        if (!settings.ApproveCertificates(Text(spec["signerName"]))) return;
        csr["status"]!["conditions"] = new JsonArray(new JsonObject { ["type"] = "Approved", ["status"] = "True", ["reason"] = "AutoApproved", ["message"] = "approved by the double" });
        Sign(csr);
    }

    private void Sign(JsonObject csr)
    {
        bool approved = csr["status"]?["conditions"] is JsonArray conditions && conditions.Any(c => Text(c!["type"]) == "Approved");
        if (!approved || csr["status"]!["certificate"] is not null) return;
        bool server = Text(csr["spec"]!["signerName"]) == "kubernetes.io/kubelet-serving";
        string request = System.Text.Encoding.UTF8.GetString(Convert.FromBase64String(Text(csr["spec"]!["request"])));
        csr["status"]!["certificate"] = Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes(authority.SignRequest(request, server, settings.CertificateLifetime)));
    }

    private static bool SameButMutable(JsonObject before, JsonObject after)
    {
        JsonNode? Fixed(JsonObject pod)
        {
            JsonNode? spec = pod["spec"]?.DeepClone();
            if (spec is not JsonObject o) return spec;
            foreach (string field in (string[])["activeDeadlineSeconds", "tolerations"]) o.Remove(field);
            foreach (JsonNode? c in (o["containers"] as JsonArray ?? []).Concat(o["initContainers"] as JsonArray ?? [])) ((JsonObject)c!).Remove("image");
            return o;
        }
        return JsonNode.DeepEquals(Fixed(before), Fixed(after));
    }

    /// <summary>By the pod's own resources where it has any, else by its containers'.</summary>
    internal static string QosOf(JsonObject spec)
    {
        JsonObject[] all = spec["resources"] is JsonObject ? [spec] : [.. spec["containers"]!.AsArray().Select(c => (JsonObject)c!)];
        bool Has(JsonObject c, string what, string resource) => c["resources"]?[what]?[resource] is not null;
        if (all.All(c => Has(c, "limits", "cpu") && Has(c, "limits", "memory") && Same(c, "cpu") && Same(c, "memory"))) return "Guaranteed";
        return all.Any(c => new[] { "cpu", "memory" }.Any(r => Has(c, "limits", r) || Has(c, "requests", r))) ? "Burstable" : "BestEffort";

        static bool Same(JsonObject c, string r) => c["resources"]!["requests"]?[r] is null || Text(c["resources"]!["requests"]![r]) == Text(c["resources"]!["limits"]![r]);
    }

    private static void Default(JsonObject o, string field, JsonNode value)
    {
        if (o[field] is null) o[field] = value;
    }
}

/// <summary>What the double does by itself, and may be told to do otherwise.</summary>
public sealed record ApiSettings
{
    /// <summary>The node to which pods without one are bound; null: they stay pending.</summary>
    public string? AutoSchedule { get; init; }

    /// <summary>A watch is ended after that long, whatever it asked for.</summary>
    public TimeSpan LongestWatch { get; init; } = TimeSpan.MaxValue;

    /// <summary>What lists and watches cannot select by, as servers of older versions.</summary>
    public IReadOnlyCollection<string> UnknownFields { get; init; } = [];

    public TimeSpan CertificateLifetime { get; init; } = TimeSpan.FromHours(1);

    /// <summary>By signer. The real cluster approves clients' certificates and leaves servers' to people.</summary>
    public Func<string, bool> ApproveCertificates { get; init; } = signer => signer == "kubernetes.io/kube-apiserver-client-kubelet";

    /// <summary>Where every node's port is reached, whatever address the node tells; null: at that. A test's nodes listen on loopback.</summary>
    public System.Net.IPAddress? NodeAddress { get; init; }

    /// <summary>Whether a user may do something to a node (SubjectAccessReview): user, verb, sub-resource.</summary>
    public Func<ApiUser, string, string, bool> Allows { get; init; } = static (user, _, _) => user.IsAdmin;
}
