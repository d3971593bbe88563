using System.Buffers;
using System.Text.Json;

namespace NativeKubelet.Core.Manifests;

/// <summary>Null means "not set" in Kubernetes. In a map the field goes; in a list it would leave a hole in the model.</summary>
internal static class JsonNulls
{
    /// <summary>The same tree without fields that are null, so that no map of the typed object holds one.</summary>
    public static ReadOnlySpan<byte> Dropped(JsonElement value)
    {
        ArrayBufferWriter<byte> buffer = new();
        using (Utf8JsonWriter writer = new(buffer)) Write(writer, value);
        return buffer.WrittenSpan;
    }

    /// <returns>The path of the first null that stands in a list; null when there is none.</returns>
    public static string? FirstInList(JsonElement value, string path)
    {
        if (value.ValueKind == JsonValueKind.Array)
        {
            int i = 0;
            foreach (JsonElement item in value.EnumerateArray())
            {
                string at = $"{path}[{i++}]";
                if (item.ValueKind == JsonValueKind.Null) return at;
                if (FirstInList(item, at) is { } inner) return inner;
            }
        }
        else if (value.ValueKind == JsonValueKind.Object)
        {
            foreach (JsonProperty field in value.EnumerateObject())
                if (field.Value.ValueKind is JsonValueKind.Array or JsonValueKind.Object
                    && FirstInList(field.Value, path.Length == 0 ? field.Name : $"{path}.{field.Name}") is { } inner)
                    return inner;
        }
        return null;
    }

    private static void Write(Utf8JsonWriter writer, JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                writer.WriteStartObject();
                foreach (JsonProperty field in value.EnumerateObject())
                {
                    if (field.Value.ValueKind == JsonValueKind.Null) continue;
                    writer.WritePropertyName(field.Name);
                    Write(writer, field.Value);
                }
                writer.WriteEndObject();
                break;
            case JsonValueKind.Array:
                writer.WriteStartArray();
                foreach (JsonElement item in value.EnumerateArray()) Write(writer, item);
                writer.WriteEndArray();
                break;
            default:
                value.WriteTo(writer);
                break;
        }
    }
}
