using System.Text.Json.Serialization;

namespace NativeKubelet.Cli.Doctor;

/// <summary><c>doctor -o json</c>. Fields are only ever added.</summary>
/// <param name="Ok">Nothing fails; there may be warnings.</param>
internal sealed record DoctorDocument(bool Ok, IReadOnlyList<FindingDocument> Findings);

/// <param name="Level">"ok", "warn" or "fail".</param>
internal sealed record FindingDocument(string Level, string Subject, string What, string Why, string Next);

[JsonSourceGenerationOptions(GenerationMode = JsonSourceGenerationMode.Metadata, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(DoctorDocument))]
internal sealed partial class DoctorJson : JsonSerializerContext;
