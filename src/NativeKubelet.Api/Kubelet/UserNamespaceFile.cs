using System.Text.Json.Serialization;

namespace NativeKubelet.Api.Kubelet;

/// <summary>ROOT/pods/UID/userns: which ids a pod's user namespace has.</summary>
public sealed record UserNamespaceFile(IReadOnlyList<UserNamespaceMapping> UidMappings, IReadOnlyList<UserNamespaceMapping> GidMappings);

public sealed record UserNamespaceMapping(uint HostId, uint ContainerId, uint Length);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(UserNamespaceFile))]
public sealed partial class UserNamespaceFileJson : JsonSerializerContext;
