using System.Collections.Immutable;
using k8s.Models;
using NativeKubelet.Core.Containers;
using NativeKubelet.Core.Containers.Seccomp;
using NativeKubelet.Core.Containers.SELinux;
using NativeKubelet.Linux.Files;

namespace NativeKubelet.Runtime.Containers;

/// <summary>
/// Makes a container's seccomp filter and finds its AppArmor profile. What cannot be had fails the container: nothing ever
/// falls back to unconfined (CVE-2023-2431).
/// </summary>
internal sealed class Confinements(SecuritySettings settings)
{
    private const int MostProfileBytes = 1 << 20;

    /// <param name="labels">Null: the kernel has no SELinux.</param>
    /// <exception cref="ContainerConfigException">The kernel lacks what is asked for.</exception>
    /// <exception cref="IOException">The profile is missing, or is none.</exception>
    public ContainerConfinement Of(V1Pod pod, V1Container container, ImmutableArray<string> capabilities, ContainerLabels? labels)
    {
        SeccompChoice seccomp = SeccompChoice.Of(pod, container, settings.SeccompDefault);
        if (seccomp is not SeccompChoice.None && !settings.HasSeccomp)
            throw new ContainerConfigException("a seccomp profile is asked for, but this kernel has no seccomp; boot one with CONFIG_SECCOMP_FILTER");
        return new(
            seccomp switch
            {
                SeccompChoice.RuntimeDefault => DefaultSeccompProfile.For(capabilities, settings.Machine),
                SeccompChoice.Localhost local => Read(local.Path, capabilities),
                _ => null,
            },
            AppArmor(pod, container),
            labels);
    }

    private Api.Oci.RuntimeSeccomp Read(string name, ImmutableArray<string> capabilities)
    {
        string path = Path.Combine(settings.SeccompDirectory, name);
        switch (RegularFile.TryRead(path, MostProfileBytes, out byte[] content))
        {
            case RegularFileResult.Missing: throw new IOException($"seccomp profile {path} does not exist");
            case RegularFileResult.NotRegular: throw new IOException($"seccomp profile {path} is no plain file");
            case RegularFileResult.TooLarge: throw new IOException($"seccomp profile {path} has more than {MostProfileBytes} bytes");
        }
        try
        {
            return SeccompProfile.Resolve(SeccompProfile.Parse(content), capabilities, settings.Machine);
        }
        catch (FormatException e)
        {
            throw new IOException($"seccomp profile {path}: {e.Message}", e);
        }
    }

    private string? AppArmor(V1Pod pod, V1Container container)
    {
        AppArmorChoice choice = AppArmorChoice.Of(pod, container);
        if (choice is AppArmorChoice.Unconfined || (choice is AppArmorChoice.Unsaid && !settings.HasAppArmor)) return null;
        if (!settings.HasAppArmor) throw new ContainerConfigException("an AppArmor profile is asked for, but AppArmor is not enabled on this machine");
        if (choice is AppArmorChoice.Localhost local)
            return AppArmorProfiles.IsLoaded(local.Profile) ? local.Profile : throw new IOException($"AppArmor profile {local.Profile} is not loaded; load it with apparmor_parser");
        bool loaded = AppArmorProfiles.IsLoaded(AppArmorProfiles.Default);
        // Only a container that asked for it must not go without.
        return loaded ? AppArmorProfiles.Default
            : choice is AppArmorChoice.Unsaid ? null
            : throw new IOException($"AppArmor profile {AppArmorProfiles.Default} is not loaded; the log of the agent's start says why");
    }
}
