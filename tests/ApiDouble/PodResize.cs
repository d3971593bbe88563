using System.Text.Json.Nodes;
using k8s.Models;
using static NativeKubelet.Tests.ApiDouble.ObjectStore;

namespace NativeKubelet.Tests.ApiDouble;

/// <summary>Sub-resource resize of a pod by the rules of 1.36: resources are all that counts of what is sent, and of them only CPU and memory may change.</summary>
internal static class PodResize
{
    private static readonly string[] Kinds = ["containers", "initContainers"], Lists = ["limits", "requests"], Resizable = ["cpu", "memory"];

    /// <summary>Takes over what a resize may be about. Containers that are not the same ones are taken as they come, to be refused.</summary>
    public static void Take(JsonObject after, JsonObject wanted)
    {
        if (wanted["spec"] is not JsonObject asked) return;
        JsonObject spec = (JsonObject)after["spec"]!;
        if (asked["resources"] is { } own) spec["resources"] = own.DeepClone();
        else spec.Remove("resources");
        foreach (string kind in Kinds)
        {
            JsonArray before = spec[kind] as JsonArray ?? [], sent = asked[kind] as JsonArray ?? [];
            if (!before.Select(c => Text(c!["name"])).SequenceEqual(sent.Select(c => Text(c!["name"]))))
            {
                spec[kind] = sent.DeepClone();
                continue;
            }
            foreach ((JsonNode? container, JsonNode? its) in before.Zip(sent))
                foreach (string field in (string[])["resources", "resizePolicy"])
                    if (its![field] is { } value) container![field] = value.DeepClone();
                    else ((JsonObject)container!).Remove(field);
        }
        foreach (JsonObject container in Containers(spec)) PodCompletion.FillRequests(container);
    }

    public static void Check(ApiRequest request, JsonObject before, JsonObject after)
    {
        JsonObject old = (JsonObject)before["spec"]!, spec = (JsonObject)after["spec"]!;
        if (Text(Meta(before)["annotations"]?["kubernetes.io/config.mirror"]).Length > 0) throw Refuse("Forbidden: static pods cannot be resized");
        foreach (string kind in Kinds)
        {
            JsonArray was = old[kind] as JsonArray ?? [], now = spec[kind] as JsonArray ?? [];
            if (was.Count != now.Count) throw Refuse($"spec.{kind}: Forbidden: {kind} may not be added or removed on resize");
            foreach (int i in Enumerable.Range(0, was.Count))
            {
                if (Text(was[i]!["name"]) != Text(now[i]!["name"])) throw Refuse($"spec.{kind}[{i}].name: Forbidden: {kind} may not be renamed or reordered on resize");
                CheckContainer($"spec.{kind}[{i}].resources", was[i]!["resources"], now[i]!["resources"]);
            }
        }
        if (!JsonNode.DeepEquals(Fixed(old), Fixed(spec))) throw Refuse("spec: Forbidden: only cpu and memory resources are mutable");
        string qos = KindRules.QosOf(spec);
        if (Text(before["status"]?["qosClass"]) != qos) throw Refuse($"spec: Invalid value: \"{Text(before["status"]?["qosClass"])}\": Pod QOS Class may not change as a result of resizing");
        if ((before["status"]?["containerStatuses"] as JsonArray ?? []).FirstOrDefault(c => c!["state"]?["running"] is not null) is { } running && running["resources"] is null)
            throw Refuse("spec: Forbidden: Pod running on node without support for resize");

        void CheckContainer(string path, JsonNode? was, JsonNode? now)
        {
            foreach (string list in Lists)
                if ((was?[list] as JsonObject ?? []).Any(r => now?[list]?[r.Key] is null)) throw Refuse($"{path}.{list}: Forbidden: resource {list} cannot be removed");
            foreach (string name in Resizable)
                if (now?["requests"]?[name] is { } least && now["limits"]?[name] is { } most && Amount(least) > Amount(most))
                    throw Refuse($"{path}.requests: Invalid value: \"{Text(least)}\": must be less than or equal to {name} limit of {Text(most)}");
        }

        ApiException Refuse(string why) => ApiException.Invalid(request.Kind, request.Name, why);
    }

    /// <summary>The spec without what a resize may change.</summary>
    private static JsonObject Fixed(JsonObject spec)
    {
        JsonObject copy = (JsonObject)spec.DeepClone();
        foreach (JsonObject holder in Containers(copy).Append(copy))
        {
            if (holder["resources"] is not JsonObject resources) continue;
            foreach (string list in Lists)
            {
                foreach (string name in Resizable) (resources[list] as JsonObject)?.Remove(name);
                if (resources[list] is JsonObject { Count: 0 }) resources.Remove(list);
            }
            if (resources.Count == 0) holder.Remove("resources");
        }
        return copy;
    }

    private static IEnumerable<JsonObject> Containers(JsonObject spec) => Kinds.SelectMany(kind => spec[kind] as JsonArray ?? []).Select(c => (JsonObject)c!);

    private static decimal Amount(JsonNode amount) => new ResourceQuantity(Text(amount)).ToDecimal();
}
