namespace NativeKubelet.Api.Yaml;

/// <summary>One document of a stream, as the JSON that a Kubernetes client would make of it.</summary>
/// <param name="Json">UTF-8 JSON, without indentation; numbers of a JSON source are kept to the digit.</param>
/// <param name="Line">Line on which the document's content begins, from 1.</param>
/// <param name="Duplicates">Keys given twice in one map; the last one counts.</param>
public sealed record YamlDocument(ReadOnlyMemory<byte> Json, int Line, SourceMap Source, IReadOnlyList<YamlProblem> Duplicates);

/// <summary>A fault of a document that need not stop its use, e.g. a key given twice.</summary>
/// <param name="Path">As in <see cref="SourceMap.Find"/>: <c>spec.containers[0].name</c>.</param>
public sealed record YamlProblem(string Path, int Line, int Column, string Message)
{
    public override string ToString() => $"line {Line}: {Message} ({Path})";
}

/// <summary>Caps on outside text; the expanded ones exist because aliases multiply (billion laughs).</summary>
public sealed record YamlLimits
{
    public static YamlLimits Default { get; } = new();

    public int MaxBytes { get; init; } = 10 << 20;

    public int MaxExpandedBytes { get; init; } = 32 << 20;

    public int MaxExpandedNodes { get; init; } = 1_000_000;

    /// <summary>System.Text.Json reads 64 levels by default, and no Kubernetes object needs as many.</summary>
    public int MaxDepth { get; init; } = 64;

    public int MaxDocuments { get; init; } = 10_000;
}
