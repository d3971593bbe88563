using System.Text.Json.Nodes;
using static NativeKubelet.Tests.ApiDouble.ObjectStore;

namespace NativeKubelet.Tests.ApiDouble;

/// <summary>pods/ephemeralcontainers, and what a server of 1.36 asks of such containers.</summary>
internal static class EphemeralContainers
{
    public const string SubResource = "ephemeralcontainers";
    private const string List = "ephemeralContainers", Mirror = "kubernetes.io/config.mirror";

    private static readonly string[] Allowed =
    [
        "name", "image", "command", "args", "workingDir", "envFrom", "env", "volumeMounts", "volumeDevices", "terminationMessagePath", "terminationMessagePolicy", "imagePullPolicy",
        "securityContext", "stdin", "stdinOnce", "tty", "targetContainerName",
    ];

    /// <summary>Nothing but the list goes through the sub-resource.</summary>
    public static void Take(JsonObject wanted, JsonObject after)
    {
        if (wanted["spec"]?[List] is not JsonArray list)
        {
            ((JsonObject)after["spec"]!).Remove(List);
            return;
        }
        foreach (JsonObject container in list.Select(c => (JsonObject)c!)) PodCompletion.Ephemeral(container);
        after["spec"]![List] = list.DeepClone();
    }

    public static void CheckCreated(ApiRequest request, JsonObject pod)
    {
        if (request.Kind.Plural == "pods" && pod["spec"]?[List] is JsonArray { Count: > 0 }) throw ApiException.Invalid(request.Kind, Text(Meta(pod)["name"]), $"spec.{List}: Forbidden: cannot be set on create");
    }

    public static void CheckChanged(ApiRequest request, JsonObject before, JsonObject after)
    {
        if (request is { Kind.Plural: "pods", SubResource: SubResource }) CheckList(request, before, after);
        if (request is { Kind.Plural: "pods", SubResource: "status" }) CheckStatus(request, before, after);
    }

    private static void CheckList(ApiRequest request, JsonObject before, JsonObject after)
    {
        if (Text(Meta(before)["annotations"]?[Mirror]).Length > 0) throw Refuse("Forbidden: static pods do not support ephemeral containers");
        JsonObject[] now = Of(after);
        HashSet<string> others = [.. ((string[])["containers", "initContainers"]).SelectMany(list => after["spec"]![list] as JsonArray ?? []).Select(c => Text(c!["name"]))], names = [.. others];
        for (int i = 0; i < now.Length; i++)
        {
            string at = $"spec.{List}[{i}]", name = Text(now[i]["name"]), target = Text(now[i]["targetContainerName"]);
            if (!names.Add(name)) throw Refuse($"{at}.name: Duplicate value: \"{name}\"");
            if (Text(now[i]["image"]).Length == 0) throw Refuse($"{at}.image: Required value");
            if (target.Length > 0 && !others.Contains(target)) throw Refuse($"{at}.targetContainerName: Not found: \"{target}\"");
            foreach ((string field, JsonNode? value) in now[i])
                if (!Allowed.Contains(field) && value is not (null or JsonObject { Count: 0 } or JsonArray { Count: 0 })) throw Refuse($"{at}.{field}: Forbidden: cannot be set for an Ephemeral Container");
            foreach (JsonNode? mount in now[i]["volumeMounts"] as JsonArray ?? [])
                if (mount!["subPath"] is not null || mount["subPathExpr"] is not null) throw Refuse($"{at}.volumeMounts: Forbidden: cannot be set for an Ephemeral Container");
        }
        foreach (JsonObject old in Of(before))
            if (now.FirstOrDefault(c => Text(c["name"]) == Text(old["name"])) is not { } kept) throw Refuse($"spec.{List}: Forbidden: existing ephemeral containers \"{Text(old["name"])}\" may not be removed");
            else if (!JsonNode.DeepEquals(old, kept)) throw Refuse($"spec.{List}: Forbidden: existing ephemeral containers \"{Text(old["name"])}\" may not be changed");

        ApiException Refuse(string why) => ApiException.Invalid(request.Kind, request.Name, why);
    }

    /// <summary>One that has ended does not begin again.</summary>
    private static void CheckStatus(ApiRequest request, JsonObject before, JsonObject after)
    {
        Dictionary<string, JsonNode> now = Statuses(after).ToDictionary(c => Text(c["name"]));
        foreach (JsonNode old in Statuses(before))
            if (old["state"]?["terminated"] is not null && now.GetValueOrDefault(Text(old["name"])) is { } told && told["state"]?["terminated"] is null)
                throw ApiException.Invalid(request.Kind, request.Name, "status.ephemeralContainerStatuses[0].state: Forbidden: may not be transitioned to non-terminated state");

        static IEnumerable<JsonNode> Statuses(JsonObject pod) => (pod["status"]?["ephemeralContainerStatuses"] as JsonArray ?? []).Select(c => c!);
    }

    private static JsonObject[] Of(JsonObject pod) => [.. (pod["spec"]?[List] as JsonArray ?? []).Select(c => (JsonObject)c!)];
}
