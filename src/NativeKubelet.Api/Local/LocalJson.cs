using System.Text.Json.Serialization;

namespace NativeKubelet.Api.Local;

/// <summary>JSON of the agent's local API, spoken between the agent and its own verbs. Fields are only ever added.</summary>
[JsonSourceGenerationOptions(
    GenerationMode = JsonSourceGenerationMode.Metadata,
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(PodListDocument))]
[JsonSerializable(typeof(NodeDocument))]
[JsonSerializable(typeof(ConfigDocument))]
[JsonSerializable(typeof(EventListDocument))]
[JsonSerializable(typeof(ProblemListDocument))]
[JsonSerializable(typeof(UsageDocument))]
[JsonSerializable(typeof(ImageListDocument))]
[JsonSerializable(typeof(PullLine))]
[JsonSerializable(typeof(StreamRequest))]
[JsonSerializable(typeof(StreamControl))]
[JsonSerializable(typeof(StreamReply))]
public sealed partial class LocalJson : JsonSerializerContext;
