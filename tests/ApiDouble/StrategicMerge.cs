using System.Collections.Frozen;
using System.Text.Json.Nodes;

namespace NativeKubelet.Tests.ApiDouble;

/// <summary>
/// Strategic merge patches by the merge keys of the API's types. Lists without an entry here are atomic: they are replaced.
/// </summary>
public static class StrategicMerge
{
    private const string Directive = "$patch", Order = "$setElementOrder/", Delete = "$deleteFromPrimitiveList/", Retain = "$retainKeys";

    private static readonly FrozenDictionary<string, string> Keys = new Dictionary<string, string>
    {
        ["conditions"] = "type",
        ["addresses"] = "type",
        ["containers"] = "name",
        ["initContainers"] = "name",
        ["ephemeralContainers"] = "name",
        ["volumes"] = "name",
        ["env"] = "name",
        ["ports"] = "containerPort",
        ["volumeMounts"] = "mountPath",
        ["volumeDevices"] = "devicePath",
        ["imagePullSecrets"] = "name",
        ["hostAliases"] = "ip",
        ["podIPs"] = "ip",
        ["hostIPs"] = "ip",
        ["topologySpreadConstraints"] = "topologyKey",
        ["ownerReferences"] = "uid",
        ["secrets"] = "name",
        ["resourceClaims"] = "name",
        ["resourceClaimStatuses"] = "name",
        ["schedulingGates"] = "name",
    }.ToFrozenDictionary();

    private static readonly FrozenSet<string> MergedPrimitives = new[] { "finalizers", "podCIDRs" }.ToFrozenSet();

    /// <summary>Changes the target and returns it.</summary>
    public static JsonObject Apply(JsonObject target, JsonObject patch)
    {
        if (patch[Directive] is { } directive)
        {
            if (ObjectStore.Text(directive) == "delete") return [];
            if (ObjectStore.Text(directive) == "replace")
            {
                JsonObject whole = (JsonObject)patch.DeepClone();
                whole.Remove(Directive);
                return whole;
            }
        }
        if (patch[Retain] is JsonArray retained)
            foreach (string key in target.Select(p => p.Key).Except(retained.Select(r => ObjectStore.Text(r))).ToArray()) target.Remove(key);
        foreach ((string key, JsonNode? value) in patch)
        {
            if (key is Directive or Retain || key.StartsWith(Order, StringComparison.Ordinal)) continue;
            if (key.StartsWith(Delete, StringComparison.Ordinal)) RemovePrimitives(target, key[Delete.Length..], (JsonArray)value!);
            else if (value is null) target.Remove(key);
            else if (value is JsonObject inner) target[key] = Apply(target[key] is JsonObject there ? (JsonObject)there.DeepClone() : [], inner);
            else if (value is JsonArray list) target[key] = List(key, target[key] as JsonArray, list);
            else target[key] = value.DeepClone();
        }
        return target;
    }

    private static JsonArray List(string field, JsonArray? target, JsonArray patch)
    {
        if (MergedPrimitives.Contains(field))
            return [.. (target ?? []).Concat(patch).Select(n => ObjectStore.Text(n)).Distinct().Select(s => (JsonNode)s)];
        if (!Keys.TryGetValue(field, out string? mergeKey) || patch.Any(i => i is not JsonObject)) return (JsonArray)patch.DeepClone();
        JsonObject[] items = [.. patch.Select(i => (JsonObject)i!)];
        // One element that says so replaces the whole list by the others.
        if (items.Any(i => i.Count == 1 && ObjectStore.Text(i[Directive]) == "replace"))
            return [.. items.Where(i => i[Directive] is null).Select(i => i.DeepClone())];
        List<JsonObject> merged = [.. (target ?? []).Select(i => (JsonObject)i!.DeepClone())];
        foreach (JsonObject item in items)
        {
            string key = ObjectStore.Text(item[mergeKey]);
            if (key.Length == 0) throw ApiException.BadRequest($"map: {item.ToJsonString()} does not contain declared merge key: {mergeKey}");
            int at = merged.FindIndex(m => ObjectStore.Text(m[mergeKey]) == key);
            if (ObjectStore.Text(item[Directive]) == "delete")
            {
                // As the real server: every element of that key goes.
                merged.RemoveAll(m => ObjectStore.Text(m[mergeKey]) == key);
                continue;
            }
            if (at < 0) merged.Add(Apply([], item));
            else merged[at] = Apply(merged[at], item);
        }
        return [.. merged];
    }

    private static void RemovePrimitives(JsonObject target, string field, JsonArray gone)
    {
        if (target[field] is not JsonArray list) return;
        HashSet<string> unwanted = [.. gone.Select(g => ObjectStore.Text(g))];
        target[field] = new JsonArray([.. list.Where(i => !unwanted.Contains(ObjectStore.Text(i))).Select(i => i!.DeepClone())]);
    }
}
