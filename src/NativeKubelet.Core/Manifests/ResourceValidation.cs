using k8s.Models;
using NativeKubelet.Core.Resources;

namespace NativeKubelet.Core.Manifests;

/// <summary>Requests against limits, and the resources that know no overcommit.</summary>
internal static class ResourceValidation
{
    public static void Container(V1ResourceRequirements? resources, string path, FieldErrors errors)
    {
        if (resources is null) return;
        Amounts(resources, path, errors);
        ResourceAmounts limits = ResourceAmounts.From(resources.Limits), requests = ResourceAmounts.From(resources.Requests);
        bool huge = limits.ByName.Keys.Concat(requests.ByName.Keys).Any(IsHuge);
        if (huge && !limits.Has("cpu") && !limits.Has("memory") && !requests.Has("cpu") && !requests.Has("memory"))
            errors.Forbidden(path, "HugePages require cpu or memory");
    }

    public static void PodLevel(V1PodSpec spec, FieldErrors errors)
    {
        if (spec.Overhead is { } overhead) Each(overhead, "spec.overhead", errors);
        if (spec.Resources is not { } shared) return;
        const string path = "spec.resources";
        foreach (string name in (shared.Limits?.Keys ?? []).Concat(shared.Requests?.Keys ?? []).Distinct())
            if (name is not ("cpu" or "memory") && !IsHuge(name)) errors.OneOf($"{path}.limits[{name}]", name, "cpu", "hugepages-*", "memory");
        if (shared.Claims is { Count: > 0 }) errors.Forbidden($"{path}.claims", "claims may not be set for Resources at pod-level");
        Amounts(shared, path, errors);

        ResourceAmounts requests = ResourceAmounts.From(shared.Requests), limits = ResourceAmounts.From(shared.Limits);
        ResourceAmounts sum = (spec.Containers ?? []).Aggregate(ResourceAmounts.None, (all, c) => all.Plus(Known(c.Resources?.Requests)));
        foreach ((string name, Quantity own) in requests.ByName)
            if (sum[name] > own) errors.Invalid($"{path}.requests[{name}]", own.ToString(), $"must be greater than or equal to aggregate container requests of {sum[name]}");
        for (int i = 0; i < (spec.Containers?.Count ?? 0); i++)
            foreach ((string name, Quantity limit) in Known(spec.Containers![i].Resources?.Limits).ByName)
                if (limits.Has(name) && limit > limits[name])
                    errors.Invalid($"spec.containers[{i}].resources.limits[{name}]", limit.ToString(), $"must be less than or equal to pod limits of {limits[name]}");
    }

    private static ResourceAmounts Known(IDictionary<string, ResourceQuantity>? amounts) => ResourceAmounts.From(amounts);

    private static void Amounts(V1ResourceRequirements resources, string path, FieldErrors errors)
    {
        Each(resources.Limits, $"{path}.limits", errors);
        Each(resources.Requests, $"{path}.requests", errors);
        ResourceAmounts limits = ResourceAmounts.From(resources.Limits);
        foreach ((string name, Quantity request) in ResourceAmounts.From(resources.Requests).ByName)
        {
            if (!limits.Has(name))
            {
                if (!Overcommits(name)) errors.Required($"{path}.limits", "Limit must be set for non overcommitable resources");
                continue;
            }
            if (!Overcommits(name) && request != limits[name])
                errors.Invalid($"{path}.requests", request.ToString(), $"must be equal to {name} limit of {limits[name]}");
            else if (request > limits[name])
                errors.Invalid($"{path}.requests", request.ToString(), $"must be less than or equal to {name} limit of {limits[name]}");
        }
    }

    private static void Each(IDictionary<string, ResourceQuantity>? amounts, string path, FieldErrors errors)
    {
        foreach ((string name, Quantity amount) in ResourceAmounts.From(amounts).ByName)
        {
            if (NameRules.QualifiedName(name) is { } fault) errors.Invalid($"{path}[{name}]", name, fault);
            else if (!Standard(name) && !name.Contains('/', StringComparison.Ordinal)) errors.Invalid($"{path}[{name}]", name, "must be a standard resource for containers");
            if (amount < default(Quantity)) errors.Invalid($"{path}[{name}]", amount.ToString(), "must be greater than or equal to 0");
            else if (Standard(name) is false && amount.Milli % 1000 != 0) errors.Invalid($"{path}[{name}]", amount.ToString(), "must be an integer");
        }
    }

    private static bool Standard(string name) => name is "cpu" or "memory" or "ephemeral-storage" || IsHuge(name);

    private static bool Overcommits(string name) => name is "cpu" or "memory" or "ephemeral-storage";

    private static bool IsHuge(string name) => name.StartsWith("hugepages-", StringComparison.Ordinal);
}
