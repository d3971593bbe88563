using System.Text.Json.Nodes;

namespace NativeKubelet.Tests.ApiDouble;

/// <summary>The patch types that nodes and kubectl send. Each returns a new object; what it was given stays as it is.</summary>
public static class Patches
{
    /// <exception cref="ApiException">415 for another type; 400 or 422 for a patch that cannot be.</exception>
    public static JsonObject Apply(string contentType, JsonObject target, JsonNode patch) => contentType.Split(';')[0].Trim() switch
    {
        "application/merge-patch+json" => Merge((JsonObject)target.DeepClone(), AsObject(patch)),
        "application/strategic-merge-patch+json" => StrategicMerge.Apply((JsonObject)target.DeepClone(), AsObject(patch)),
        "application/json-patch+json" => Operations((JsonObject)target.DeepClone(), patch as JsonArray ?? throw ApiException.BadRequest("a JSON patch is an array")),
        var other => throw new ApiException(415, "UnsupportedMediaType", $"the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json; got {other}"),
    };

    /// <summary>RFC 7386.</summary>
    private static JsonObject Merge(JsonObject target, JsonObject patch)
    {
        foreach ((string key, JsonNode? value) in patch)
            if (value is null) target.Remove(key);
            else if (value is JsonObject inner) target[key] = Merge(target[key] is JsonObject there ? (JsonObject)there.DeepClone() : [], inner);
            else target[key] = value.DeepClone();
        return target;
    }

    /// <summary>RFC 6902.</summary>
    private static JsonObject Operations(JsonObject target, JsonArray operations)
    {
        foreach (JsonObject operation in operations.Select(o => AsObject(o!)))
        {
            string op = ObjectStore.Text(operation["op"]), path = ObjectStore.Text(operation["path"]);
            (JsonNode parent, string last) = Locate(target, path);
            switch (op)
            {
                case "add": Put(parent, last, operation["value"], insert: true); break;
                case "replace": _ = Get(parent, last, path); Put(parent, last, operation["value"], insert: false); break;
                case "remove": Remove(parent, last, path); break;
                case "test" when JsonNode.DeepEquals(Get(parent, last, path), operation["value"]): break;
                case "test": throw new ApiException(422, "Invalid", $"the server rejected our request due to an error in our request: testing path {path} failed");
                default: throw ApiException.BadRequest($"JSON patch operation {op} is not served");
            }
        }
        return target;
    }

    private static (JsonNode Parent, string Last) Locate(JsonNode root, string path)
    {
        string[] parts = [.. path.Split('/').Skip(1).Select(p => p.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal))];
        JsonNode at = root;
        foreach (string part in parts[..^1]) at = Get(at, part, path) ?? throw ApiException.BadRequest($"JSON patch path {path} leads nowhere");
        return (at, parts[^1]);
    }

    private static JsonNode? Get(JsonNode parent, string key, string path) => parent switch
    {
        JsonObject o when o.TryGetPropertyValue(key, out JsonNode? value) => value,
        JsonArray a when int.TryParse(key, out int i) && i < a.Count => a[i],
        _ => throw new ApiException(422, "Invalid", $"the server rejected our request due to an error in our request: {path} does not exist"),
    };

    private static void Put(JsonNode parent, string key, JsonNode? value, bool insert)
    {
        if (parent is JsonObject o) o[key] = value?.DeepClone();
        else if (parent is JsonArray a && key == "-") a.Add(value?.DeepClone());
        else if (parent is JsonArray list && insert) list.Insert(int.Parse(key), value?.DeepClone());
        else ((JsonArray)parent)[int.Parse(key)] = value?.DeepClone();
    }

    private static void Remove(JsonNode parent, string key, string path)
    {
        _ = Get(parent, key, path);
        if (parent is JsonObject o) o.Remove(key);
        else ((JsonArray)parent).RemoveAt(int.Parse(key));
    }

    private static JsonObject AsObject(JsonNode node) => node as JsonObject ?? throw ApiException.BadRequest("the patch is no object");
}
