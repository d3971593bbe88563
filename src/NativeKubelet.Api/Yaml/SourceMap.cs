namespace NativeKubelet.Api.Yaml;

/// <summary>A place in a text, line and column from 1.</summary>
public readonly record struct SourcePosition(int Line, int Column);

/// <summary>
/// Answers where in the text a field stands. It keeps the parsed tree and walks it on demand: a table of all paths
/// would let a hostile document with long keys cost gigabytes.
/// </summary>
public sealed class SourceMap
{
    private readonly YamlNode _root;

    internal SourceMap(YamlNode root) => _root = root;

    /// <summary>The place of a field, or of its nearest parent that exists.</summary>
    /// <param name="path">Names and indices as in messages: <c>spec.containers[0].image</c>; empty is the document.</param>
    public SourcePosition Find(string path)
    {
        ReadOnlySpan<char> rest = path;
        YamlNode node = _root;
        SourcePosition position = node.Position;
        while (rest.Length > 0)
        {
            if (rest[0] == '.') rest = rest[1..];
            if (node.Items is { } items && rest.Length > 1 && rest[0] == '[')
            {
                int end = rest.IndexOf(']');
                if (end < 0 || !int.TryParse(rest[1..end], out int index) || index < 0 || index >= items.Count) return position;
                node = items[index];
                position = node.Position;
                rest = rest[(end + 1)..];
                continue;
            }

            YamlField? best = null;
            foreach (YamlField field in node.Fields ?? [])
                if (IsNext(rest, field.Key) && (best is null || field.Key.Length >= best.Key.Length))
                    best = field;
            if (best is null) return position;
            node = best.Value;
            position = best.Position;
            rest = rest[best.Key.Length..];
        }

        return position;
    }

    // Keys may hold dots themselves (app.kubernetes.io/name), so keys are matched, not split; the longest wins.
    private static bool IsNext(ReadOnlySpan<char> rest, string key) =>
        rest.StartsWith(key, StringComparison.Ordinal) && (rest.Length == key.Length || rest[key.Length] is '.' or '[');
}
