using System.Text;
using System.Text.Json;

namespace NativeKubelet.Core.Manifests;

/// <summary>
/// The UID of a pod that no API server named: a 128-bit FNV-1a hash over what the user wrote and where. It is taken of the
/// document's own JSON tree, before typed decoding and defaulting, so that an upgrade that knows more fields or other
/// defaults restarts nothing. The test's golden vectors never change.
/// </summary>
public static class StaticPodUid
{
    /// <returns>32 lower-case hex digits.</returns>
    public static string Compute(JsonElement pod, ManifestOrigin origin)
    {
        Fnv128 hash = new();
        Tree(ref hash, pod);
        if (origin.Source == ManifestOrigin.FileSource)
        {
            Text(ref hash, "host:" + origin.NodeName);
            Text(ref hash, "file:" + origin.Location);
        }
        else
        {
            Text(ref hash, "url:" + origin.Location);
        }
        return hash.ToString();
    }

    // A kind byte before each value and an end byte after each group: without them ["a","b"] and ["ab"] would be the same.
    private static void Tree(ref Fnv128 hash, JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                hash.Add((byte)'{');
                // The last of equal keys counts, as in decoding; keys in ordinal order, whatever order they were written in.
                SortedDictionary<string, JsonElement> fields = new(StringComparer.Ordinal);
                foreach (JsonProperty field in value.EnumerateObject()) fields[field.Name] = field.Value;
                foreach ((string name, JsonElement item) in fields)
                {
                    if (item.ValueKind == JsonValueKind.Null) continue;
                    Text(ref hash, name);
                    Tree(ref hash, item);
                }
                hash.Add((byte)'}');
                break;
            case JsonValueKind.Array:
                hash.Add((byte)'[');
                foreach (JsonElement item in value.EnumerateArray()) Tree(ref hash, item);
                hash.Add((byte)']');
                break;
            case JsonValueKind.String:
                hash.Add((byte)'"');
                Text(ref hash, value.GetString()!); // a string's text is never null
                break;
            default:
                hash.Add((byte)'=');
                Text(ref hash, value.GetRawText());
                break;
        }
    }

    private static void Text(ref Fnv128 hash, string text)
    {
        hash.Add(Encoding.UTF8.GetBytes(text));
        hash.Add(0);
    }
}
