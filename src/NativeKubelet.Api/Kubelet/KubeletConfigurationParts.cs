using System.Text.Json;
using System.Text.Json.Serialization;

namespace NativeKubelet.Api.Kubelet;

public sealed record KubeletAuthentication
{
    [JsonPropertyName("x509")]
    public X509Authentication? X509 { get; init; }

    public WebhookAuthentication? Webhook { get; init; }

    public AnonymousAuthentication? Anonymous { get; init; }
}

public sealed record X509Authentication
{
    public string? ClientCAFile { get; init; }
}

public sealed record WebhookAuthentication
{
    public bool? Enabled { get; init; }

    [JsonConverter(typeof(GoDurationConverter))]
    public TimeSpan? CacheTTL { get; init; }
}

public sealed record AnonymousAuthentication
{
    public bool? Enabled { get; init; }
}

public sealed record KubeletAuthorization
{
    public string? Mode { get; init; }

    public WebhookAuthorization? Webhook { get; init; }
}

public sealed record WebhookAuthorization
{
    [JsonConverter(typeof(GoDurationConverter))]
    public TimeSpan? CacheAuthorizedTTL { get; init; }

    [JsonConverter(typeof(GoDurationConverter))]
    public TimeSpan? CacheUnauthorizedTTL { get; init; }
}

public sealed record KubeletTaint
{
    public string? Key { get; init; }

    public string? Value { get; init; }

    public string? Effect { get; init; }

    public string? TimeAdded { get; init; }
}

public sealed record MemoryReservation
{
    public int? NumaNode { get; init; }

    public Dictionary<string, JsonElement>? Limits { get; init; }
}

public sealed record MemorySwapConfiguration
{
    public string? SwapBehavior { get; init; }
}

public sealed record UserNamespacesConfiguration
{
    public long? IdsPerPod { get; init; }
}

public sealed record ShutdownGracePeriod
{
    public int? Priority { get; init; }

    public long? ShutdownGracePeriodSeconds { get; init; }
}

public sealed record CrashLoopBackOffConfiguration
{
    [JsonConverter(typeof(GoDurationConverter))]
    public TimeSpan? MaxContainerRestartPeriod { get; init; }
}

public sealed record TracingConfiguration
{
    public string? Endpoint { get; init; }

    public int? SamplingRatePerMillion { get; init; }
}

public sealed record LoggingConfiguration
{
    public string? Format { get; init; }

    [JsonConverter(typeof(FlushFrequencyConverter))]
    public TimeSpan? FlushFrequency { get; init; }

    public uint? Verbosity { get; init; }

    public IReadOnlyList<VerbosityModule>? Vmodule { get; init; }

    public LoggingOptions? Options { get; init; }
}

/// <summary>One vmodule entry: messages of categories that the glob matches have a verbosity of their own.</summary>
public sealed record VerbosityModule
{
    public string? FilePattern { get; init; }

    public uint? Verbosity { get; init; }
}

public sealed record LoggingOptions
{
    public LogFormatOptions? Text { get; init; }

    public LogFormatOptions? Json { get; init; }
}

public sealed record LogFormatOptions
{
    public bool? SplitStream { get; init; }

    /// <summary>A quantity, as a string or a plain number.</summary>
    public JsonElement? InfoBufferSize { get; init; }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(KubeletConfiguration))]
public sealed partial class KubeletConfigurationContext : JsonSerializerContext;
