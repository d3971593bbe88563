using System.Text.Json;

namespace NativeKubelet.Core.Manifests;

/// <summary>The serializer's complaints in the words of someone who wrote a manifest.</summary>
internal static class JsonFaults
{
    /// <summary>$.spec.containers[0].args[1] → spec.containers[0].args[1]; $.metadata.labels['a.b/c'] → metadata.labels.a.b/c</summary>
    public static string Field(JsonException e) =>
        (e.Path ?? "").Replace("$.", "", StringComparison.Ordinal).Replace("$", "", StringComparison.Ordinal)
            .Replace("['", ".", StringComparison.Ordinal).Replace("']", "", StringComparison.Ordinal);

    public static string Message(JsonException e)
    {
        // Our own converters say "must be …"; the serializer's text names a .NET type, which tells a reader nothing.
        string text = e.Message;
        if (text.StartsWith("must be ", StringComparison.Ordinal) || text.StartsWith("is out of range", StringComparison.Ordinal)) return text;
        return Expected(text) is { } expected ? $"must be {expected}" : "has a value of the wrong type";
    }

    private static string? Expected(string text)
    {
        bool Has(string word) => text.Contains(word, StringComparison.Ordinal);
        return Has("IDictionary") ? "a map"
            : Has("IList") ? "a list"
            : Has("System.String") ? "a string; put it in quotes"
            : Has("System.Boolean") ? "true or false"
            : Has("System.Int32") || Has("System.Int64") ? "a whole number"
            : Has("System.Byte[]") ? "base64"
            : Has("k8s.Models.") ? "a map"
            : null;
    }
}
