% Read an instance, or the decisions of a record, in Octave or MATLAB.
%
%   octave-cli examples/read_netcdf.m instances/stin-deployment/tiny-000.nc
%
% Octave needs the package netcdf (Debian: octave-netcdf). MATLAB, where this was not tried, has functions of the same
% names and takes the file from the variable DTBENCH_FILE of the environment. Axes come in the reverse order: what is
% (time, user) in the file and in Python is (user, time) here. Coordinates count from 0.

if exist('OCTAVE_VERSION', 'builtin')
  pkg load netcdf
  given = argv();
  file = given{1};
else
  file = getenv('DTBENCH_FILE');
end

info = ncinfo(file);
for attribute = info.Attributes
  if ischar(attribute.Value)
    fprintf('attribute %s = %s\n', attribute.Name, attribute.Value);
  else
    fprintf('attribute %s = %d\n', attribute.Name, attribute.Value);
  end
end
for variable = info.Variables
  values = double(ncread(file, variable.Name));
  unit = ncreadatt(file, variable.Name, 'units');
  dims = {};
  if ~isempty(variable.Dimensions)  % as of one number
    dims = fliplr({variable.Dimensions.Name});
  end
  fprintf('variable %s (%s) [%s]: sum %.17g\n', variable.Name, strjoin(dims, ', '), unit, sum(values(:)));
end
for g = 1:numel(info.Groups)  % decisions have none
  group = info.Groups(g);
  for variable = group.Variables
    name = ['/' group.Name '/' variable.Name];
    fprintf('parameter %s = %.17g %s\n', variable.Name, double(ncread(file, name)), ncreadatt(file, name, 'units'));
  end
  for i = 1:numel(group.Attributes)  % there may be none
    fprintf('parameter %s = %s\n', group.Attributes(i).Name, group.Attributes(i).Value);
  end
end
