using System.Security.Cryptography;
using System.Text.Json.Nodes;
using static NativeKubelet.Tests.ApiDouble.ObjectStore;

namespace NativeKubelet.Tests.ApiDouble;

/// <summary>What a server of 1.36 with its usual admission adds to a pod, so that no node meets one that is barer than a real one.</summary>
internal static class PodCompletion
{
    public static void Apply(JsonObject spec, bool mirror)
    {
        Default(spec, "restartPolicy", "Always");
        Default(spec, "dnsPolicy", "ClusterFirst");
        Default(spec, "schedulerName", "default-scheduler");
        Default(spec, "terminationGracePeriodSeconds", 30L);
        Default(spec, "enableServiceLinks", true);
        Default(spec, "securityContext", new JsonObject());
        Default(spec, "priority", 0);
        Default(spec, "preemptionPolicy", "PreemptLowerPriority");
        if (!mirror) Tolerate(spec);
        if (!mirror) Account(spec);
        foreach (JsonObject container in Containers(spec)) Container(container);
        foreach (JsonObject volume in (spec["volumes"] as JsonArray ?? []).Select(v => (JsonObject)v!)) Volume(volume);
    }

    /// <summary>One that is added to a pod: no admission adds anything, as it may have less than others.</summary>
    public static void Ephemeral(JsonObject container) => Container(container);

    private static IEnumerable<JsonObject> Containers(JsonObject spec) =>
        (spec["initContainers"] as JsonArray ?? []).Concat(spec["containers"] as JsonArray ?? []).Select(c => (JsonObject)c!);

    private static void Container(JsonObject container)
    {
        string image = Text(container["image"]);
        Default(container, "imagePullPolicy", image.EndsWith(":latest", StringComparison.Ordinal) || image.LastIndexOf(':') <= image.LastIndexOf('/') ? "Always" : "IfNotPresent");
        Default(container, "terminationMessagePath", "/dev/termination-log");
        Default(container, "terminationMessagePolicy", "File");
        Default(container, "resources", new JsonObject());
        FillRequests(container);
        foreach (JsonNode? port in container["ports"] as JsonArray ?? []) Default((JsonObject)port!, "protocol", "TCP");
        foreach (JsonNode? variable in container["env"] as JsonArray ?? [])
            if (variable!["valueFrom"]?["fieldRef"] is JsonObject field) Default(field, "apiVersion", "v1");
        foreach (string probe in (string[])["livenessProbe", "readinessProbe", "startupProbe"])
            if (container[probe] is JsonObject given)
                foreach ((string name, int value) in ((string, int)[])[("timeoutSeconds", 1), ("periodSeconds", 10), ("successThreshold", 1), ("failureThreshold", 3)]) Default(given, name, value);
        if (container["resources"]!.AsObject().Count > 0)
            Default(container, "resizePolicy", new JsonArray([.. new[] { "cpu", "memory" }.Select(r => (JsonNode)new JsonObject { ["resourceName"] = r, ["restartPolicy"] = "NotRequired" })]));
    }

    /// <summary>A limit alone is a request too.</summary>
    public static void FillRequests(JsonObject container)
    {
        if (container["resources"] is not JsonObject resources || resources["limits"] is not JsonObject limits) return;
        JsonObject requests = resources["requests"] as JsonObject ?? [];
        foreach ((string name, JsonNode? limit) in limits)
            if (requests[name] is null) requests[name] = limit!.DeepClone();
        if (requests.Parent is null) resources["requests"] = requests;
    }

    private static void Volume(JsonObject volume)
    {
        foreach (string kind in (string[])["configMap", "secret", "downwardAPI", "projected"])
            if (volume[kind] is JsonObject source) Default(source, "defaultMode", 420);
        if (volume["hostPath"] is JsonObject host) Default(host, "type", "");
    }

    /// <summary>Admission DefaultTolerationSeconds.</summary>
    private static void Tolerate(JsonObject spec)
    {
        JsonArray tolerations = spec["tolerations"] as JsonArray ?? [];
        foreach (string taint in (string[])["not-ready", "unreachable"])
            tolerations.Add((JsonNode)new JsonObject { ["key"] = $"node.kubernetes.io/{taint}", ["operator"] = "Exists", ["effect"] = "NoExecute", ["tolerationSeconds"] = 300 });
        if (tolerations.Parent is null) spec["tolerations"] = tolerations;
    }

    /// <summary>Admission ServiceAccount.</summary>
    private static void Account(JsonObject spec)
    {
        Default(spec, "serviceAccountName", "default");
        Default(spec, "serviceAccount", Text(spec["serviceAccountName"]));
        if (spec["automountServiceAccountToken"]?.GetValue<bool>() == false) return;
        const string place = "/var/run/secrets/kubernetes.io/serviceaccount";
        string name = $"kube-api-access-{RandomNumberGenerator.GetHexString(5, lowercase: true)}";
        bool used = false;
        foreach (JsonObject container in Containers(spec))
        {
            JsonArray mounts = container["volumeMounts"] as JsonArray ?? [];
            if (mounts.Any(m => Text(m!["mountPath"]) == place)) continue;
            mounts.Add((JsonNode)new JsonObject { ["name"] = name, ["mountPath"] = place, ["readOnly"] = true });
            if (mounts.Parent is null) container["volumeMounts"] = mounts;
            used = true;
        }
        if (!used) return;
        JsonArray volumes = spec["volumes"] as JsonArray ?? [];
        volumes.Add((JsonNode)new JsonObject
        {
            ["name"] = name,
            ["projected"] = new JsonObject
            {
                ["defaultMode"] = 420,
                ["sources"] = new JsonArray(
                    new JsonObject { ["serviceAccountToken"] = new JsonObject { ["expirationSeconds"] = 3607, ["path"] = "token" } },
                    new JsonObject { ["configMap"] = new JsonObject { ["name"] = "kube-root-ca.crt", ["items"] = new JsonArray(new JsonObject { ["key"] = "ca.crt", ["path"] = "ca.crt" }) } },
                    new JsonObject { ["downwardAPI"] = new JsonObject { ["items"] = new JsonArray(new JsonObject { ["path"] = "namespace", ["fieldRef"] = new JsonObject { ["apiVersion"] = "v1", ["fieldPath"] = "metadata.namespace" } }) } }),
            },
        });
        if (volumes.Parent is null) spec["volumes"] = volumes;
    }

    private static void Default(JsonObject o, string field, JsonNode value)
    {
        if (o[field] is null) o[field] = value;
    }
}
