using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace NativeKubelet.Api.Yaml;

/// <summary>A field that the type has no place for.</summary>
/// <param name="Suggestion">The right spelling when only upper and lower case differ.</param>
public sealed record UnknownField(string Path, string? Suggestion)
{
    public override string ToString() => Suggestion is null ? $"unknown field \"{Path}\"" : $"unknown field \"{Path}\" (is \"{Suggestion}\" meant?)";
}

/// <summary>
/// Compares a JSON tree with what its type can hold, by the source generator's metadata, so that both what a decoder
/// silently drops and where it stood can be told.
/// </summary>
public static class KnownFields
{
    /// <summary>Fields of <paramref name="json"/> that decoding by <paramref name="type"/> would drop, in the text's order.</summary>
    /// <param name="type">From a source-generated context; types with a converter of their own are not looked into.</param>
    public static IReadOnlyList<UnknownField> FindUnknown(JsonElement json, JsonTypeInfo type)
    {
        List<UnknownField> found = [];
        Walk(json, type, "", found);
        return found;
    }

    private static void Walk(JsonElement json, JsonTypeInfo type, string path, List<UnknownField> found)
    {
        switch (json.ValueKind)
        {
            case JsonValueKind.Object when type.Kind == JsonTypeInfoKind.Object:
                Dictionary<string, JsonPropertyInfo> known = PropertiesOf(type);
                foreach (JsonProperty property in json.EnumerateObject())
                {
                    string at = path.Length == 0 ? property.Name : $"{path}.{property.Name}";
                    if (known.TryGetValue(property.Name, out JsonPropertyInfo? info))
                    {
                        if (info.IsExtensionData) continue;
                        if (property.Value.ValueKind is JsonValueKind.Object or JsonValueKind.Array && info.CustomConverter is null)
                            Walk(property.Value, type.Options.GetTypeInfo(info.PropertyType), at, found);
                    }
                    else if (!known.Values.Any(p => p.IsExtensionData))
                    {
                        found.Add(new(at, known.Keys.FirstOrDefault(k => k.Equals(property.Name, StringComparison.OrdinalIgnoreCase))));
                    }
                }

                break;
            case JsonValueKind.Object when type is { Kind: JsonTypeInfoKind.Dictionary, ElementType: { } element }:
                JsonTypeInfo valueType = type.Options.GetTypeInfo(element);
                if (valueType.Kind == JsonTypeInfoKind.None) break;
                foreach (JsonProperty property in json.EnumerateObject())
                    Walk(property.Value, valueType, $"{path}.{property.Name}", found);
                break;
            case JsonValueKind.Array when type is { Kind: JsonTypeInfoKind.Enumerable, ElementType: { } element }:
                JsonTypeInfo itemType = type.Options.GetTypeInfo(element);
                if (itemType.Kind == JsonTypeInfoKind.None) break;
                int index = 0;
                foreach (JsonElement item in json.EnumerateArray())
                    Walk(item, itemType, string.Create(CultureInfo.InvariantCulture, $"{path}[{index++}]"), found);
                break;
            default:
                break; // a value of the wrong kind is the decoder's to report
        }
    }

    private static Dictionary<string, JsonPropertyInfo> PropertiesOf(JsonTypeInfo type)
    {
        Dictionary<string, JsonPropertyInfo> properties = new(type.Properties.Count, StringComparer.Ordinal);
        foreach (JsonPropertyInfo property in type.Properties)
            properties.TryAdd(property.Name, property);
        return properties;
    }
}
